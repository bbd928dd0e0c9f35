import TestSupport
import ZFS

/// A stand-in for zfs that stores user properties of the names it knows and keeps a record of its calls.
package struct FakeZFS {
    let scratch: ScratchFolder
    var command: ZFSCommand { ZFSCommand(executable: scratch.path + "/bin/zfs", timeout: .seconds(20)) }

    init(_ scratch: ScratchFolder, existing: [String]) throws {
        self.scratch = scratch
        try scratch.write("existing", existing.map { $0 + "\n" }.joined())
        try scratch.write("bin/zfs", Self.script(scratch.path), mode: 0o755)
    }

    /// The arguments of each call, in order.
    package func calls() throws -> [String] { try lines("calls") }

    /// What was stored, as `snapshot name=value`.
    package func stored() throws -> Set<String> { Set(try lines("stored")) }

    private func lines(_ name: String) throws -> [String] {
        try String(decoding: readFile("\(scratch.path)/\(name)"), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private static func script(_ path: String) -> String {
        """
        #!/bin/sh
        echo "$*" >> \(path)/calls
        verb=$1; shift
        if [ "$verb" = allow ]; then
            [ -e \(path)/delegations ] || exit 255
            cat \(path)/delegations; exit 0
        fi
        if [ "$verb" = snapshot ]; then
            [ -e \(path)/refusal ] && { cat \(path)/refusal >&2; exit 1; }
            recursive=no; [ "$1" = -r ] && { recursive=yes; shift; }
            for name; do
                echo "$name" >> \(path)/existing
                [ $recursive = yes ] || continue
                below=$(grep "^${name%@*}/[^@]*$" \(path)/existing)
                for one in $below; do echo "$one@${name#*@}" >> \(path)/existing; done
            done
            [ -e \(path)/delay ] && exec sleep $(cat \(path)/delay)
            exit 0
        fi
        if [ "$verb" = list ]; then
            status=0
            case " $* " in *\\ -r\\ *) for name; do :; done; grep "^$name\\(/[^@]*\\)*$" \(path)/existing; exit 0;; esac
            for name; do
                case "$name" in tank*) ;; *) continue;; esac
                grep -qxF "$name" \(path)/existing && { echo "$name"; continue; }
                echo "cannot open '$name': dataset does not exist" >&2; status=1
            done
            exit $status
        fi
        status=0
        if [ "$verb" = get ]; then
            # In pre-snapshot, which asks for no time, only those are there that a test says.
            listing=\(path)/existing
            case " $* " in *creation*) ;; *) [ -e \(path)/in-pre ] && listing=\(path)/before;; esac
            now=$(cat \(path)/creation 2>/dev/null || date +%s)
            property=
            for word; do case "$word" in stillpoint:*) property=$word;; esac; done
            for word; do
                case "$word" in
                    -*|*,*|[1-9]|guid) continue;;
                    */*|tank*) ;;
                    *) continue;;
                esac
                case "$word" in *@*) names=$word;; *) names=$(grep "^$word@" \(path)/existing);; esac
                for name in $names; do
                    if [ -n "$property" ]; then
                        value=$(grep -F "$name $property=" \(path)/stored 2>/dev/null | tail -n 1 | cut -d= -f2-)
                        [ -n "$value" ] && value="local\\t$value" || value='-\\t-'
                        case " $* " in *\\ name,source,value\\ *) value="$name\\t$value";; esac
                        printf "$value\\n"
                    elif grep -qxF "$name" $listing 2>/dev/null; then
                        printf '%s\\tguid\\t%s\\n%s\\tcreation\\t%s\\n' "$name" "$(cat \(path)/new-guid 2>/dev/null || echo 1234)" "$name" "$now"
                    else
                        echo "cannot open '$name': dataset does not exist" >&2; status=1
                    fi
                done
            done
            exit $status
        fi
        for word; do
            case "$word" in *=*) continue;; esac
            if grep -qxF "$word" \(path)/existing; then
                for pair; do case "$pair" in *=*) echo "$word $pair" >> \(path)/stored;; esac; done
            else
                echo "cannot open '$word': dataset does not exist" >&2; status=1
            fi
        done
        exit $status
        """
    }
}
