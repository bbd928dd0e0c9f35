import TestSupport
package import ZFS

/// A stand-in for zfs that has datasets and snapshots, makes clones as folders, and keeps a record of its calls.
///
/// What it knows is a table of `name TAB property TAB value`. What a snapshot holds lies in `snapshots/NAME` of the
/// scratch folder, and a clone is a copy of that in `clones/NAME`.
package struct FakePool {
    let scratch: ScratchFolder
    package var command: ZFSCommand { ZFSCommand(executable: scratch.path + "/bin/zfs", timeout: .seconds(20)) }

    init(_ scratch: ScratchFolder) throws {
        self.scratch = scratch
        try scratch.folder("clones")
        for dataset in ["tank", "tank/VM", "tank/VM/db", "tank/other"] { try add(dataset) }
        try scratch.write("bin/zfs", Self.script(scratch.path), mode: 0o755)
    }

    private var table: String { scratch.path + "/table" }

    /// Adds a dataset or a snapshot; its GUID is made from its name unless one is given.
    package func add(_ name: String, guid: String? = nil, _ properties: [String: String] = [:]) throws {
        var lines = "\(name)\tguid\t\(guid ?? Self.guid(of: name))\n"
        for (key, value) in properties.sorted(by: { $0.key < $1.key }) { lines += "\(name)\t\(key)\t\(value)\n" }
        try scratch.write("table", String(decoding: readFile(table), as: UTF8.self) + lines)
    }

    /// The GUID that a name has where none is given.
    package static func guid(of name: String) -> String {
        String(name.utf8.reduce(UInt64(7)) { ($0 &* 31 &+ UInt64($1)) % 1_000_000_007 })
    }

    /// Destroys a name silently.
    package func remove(_ name: String) throws {
        let kept = try lines("table").filter { !$0.hasPrefix(name + "\t") }
        try scratch.write("table", kept.map { $0 + "\n" }.joined())
    }

    /// Makes every call whose words hold `pattern` (a basic regular expression) fail from now on; nil: none any more.
    package func fail(_ pattern: String?) throws {
        scratch.remove("failing")
        if let pattern { try scratch.write("failing", pattern + "\n") }
    }

    /// The arguments of each call, in order.
    package func calls(_ verb: String = "") throws -> [String] { try lines("calls").filter { $0.hasPrefix(verb) } }

    /// All names that exist.
    package func names() throws -> Set<String> {
        Set(try lines("table").compactMap { $0.split(separator: "\t").first.map(String.init) })
    }

    /// The clones that exist.
    package func clones() throws -> [String] { try lines("made") }

    private func lines(_ name: String) throws -> [String] {
        try String(decoding: readFile("\(scratch.path)/\(name)"), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private static func script(_ path: String) -> String {
        #"""
        #!/bin/sh
        cd "\#(path)" || exit 9
        printf '%s\n' "$*" >> calls
        if [ -e failing ] && printf '%s\n' "$*" | grep -q -f failing; then
            echo "cannot $1: the fake was told to fail" >&2; exit 1
        fi
        has() { awk -F'\t' -v n="$1" '$1 == n { f = 1 } END { exit !f }' table; }
        missing() { echo "cannot open '$1': dataset does not exist" >&2; }
        verb=$1; shift
        case "$verb" in
        list)
            if [ "$*" = "-H -o name -d 0" ]; then
                awk -F'\t' '$2 == "guid" && $1 !~ /[\/@]/ { print $1 }' table; exit 0
            fi
            case "$*" in
            "-H -o name,refreservation,available -t filesystem,volume "*)
                shift 5; recursive=0; status=0
                [ "$1" = -r ] && { recursive=1; shift; }
                for name; do
                    has "$name" || { missing "$name"; status=1; continue; }
                    awk -F'\t' -v n="$name" -v r=$recursive '
                        $1 !~ /@/ && ($1 == n || (r && index($1, n "/") == 1)) {
                            if ($2 == "guid") order[++count] = $1; value[$1, $2] = $3
                        }
                        END {
                            for (i = 1; i <= count; i++) print order[i] "\t" \
                                ((order[i], "refreservation") in value ? value[order[i], "refreservation"] : "none") "\t" \
                                ((order[i], "available") in value ? value[order[i], "available"] : "1G")
                        }' table
                done
                exit $status;;
            "-H -o name,"*" -t filesystem,volume")
                key=${3#name,}
                awk -F'\t' -v k="$key" '
                    $1 ~ /@/ { next }
                    $2 == "guid" { order[++count] = $1 }
                    $2 == k { value[$1] = $3 }
                    END { for (i = 1; i <= count; i++) print order[i] "\t" (order[i] in value ? value[order[i]] : "-") }
                ' table; exit 0;;
            *" -t filesystem,volume -r "*)
                for name; do :; done
                has "$name" || { missing "$name"; exit 1; }
                awk -F'\t' -v n="$name" '$2 == "guid" && $1 !~ /@/ && ($1 == n || index($1, n "/") == 1) { print $1 }' table
                exit 0;;
            esac
            for name; do :; done
            has "$name" && { echo "$name"; exit 0; }
            missing "$name"; exit 1;;
        get)
            recursive=0
            [ "$1" = -r ] && { recursive=1; shift; }
            # As zfs-fuse, it knows neither -d nor -t here.
            case "$1 $2 $3" in
            "-H -p -o") shift;;
            "-H -o "*) ;;
            *) echo "usage: $*" >&2; exit 2;;
            esac
            columns=$3; properties=$4; shift 4
            status=0
            for name; do
                # pre-snapshot, which asks for no time, comes before the snapshot.
                if [ "$properties" = guid ] && [ -e in-pre ]; then
                    case "$name" in *@*) missing "$name"; status=1; continue;; esac
                fi
                has "$name" || { missing "$name"; status=1; continue; }
                awk -F'\t' -v n="$name" -v r=$recursive -v p="$properties" -v c="$columns" '
                    function held(x) { return x == n || (r && (index(x, n "/") == 1 || index(x, n "@") == 1)) }
                    held($1) { if ($2 == "guid") order[++count] = $1; value[$1, $2] = $3 }
                    END {
                        asked = split(p, keys, ",")
                        for (i = 1; i <= count; i++) for (k = 1; k <= asked; k++) {
                            v = keys[k] == "type" ? "filesystem" : keys[k] == "mountpoint" ? "/" order[i] : "-"
                            if ((order[i], keys[k]) in value) v = value[order[i], keys[k]]
                            local = (order[i], keys[k]) in value && keys[k] ~ /:/ ? "local" : "-"
                            n_cells = split(c, cells, ","); text = ""
                            for (j = 1; j <= n_cells; j++) text = text (j > 1 ? "\t" : "") \
                                (cells[j] == "name" ? order[i] : cells[j] == "property" ? keys[k] : \
                                 cells[j] == "source" ? local : v)
                            print text
                        }
                    }' table
            done
            exit $status;;
        clone)
            marks=
            while [ "$1" = -o ]; do
                case "$2" in *:*=*) marks="$marks ${2%%=*}:=:${2#*=}";; esac
                shift 2
            done
            has "$1" || { missing "$1"; exit 1; }
            has "$2" && { echo "cannot create '$2': dataset already exists" >&2; exit 1; }
            mkdir -p "clones/$2"
            [ -d "snapshots/$1" ] && cp -a "snapshots/$1/." "clones/$2/"
            mounted=yes; [ -e unmounted ] && mounted=no
            printf '%s\tguid\t%s\n%s\tmountpoint\t%s\n%s\tmounted\t%s\n' \
                "$2" 1 "$2" "$PWD/clones/$2" "$2" $mounted >> table
            printf '%s\torigin\t%s\n' "$2" "$1" >> table
            if awk -F'\t' -v n="${1%@*}" '$1 == n && $2 == "type" && $3 == "volume" { f = 1 } END { exit !f }' table; then
                printf '%s\ttype\tvolume\n' "$2" >> table
                link=dev/zvol/$(printf %s "$2" | tr ' ' +)
                mkdir -p "${link%/*}"
                for part in "" -part1 -part2; do printf 'old %s%s' "${1%@*}" "$part" > "$link$part"; done
            fi
            for mark in $marks; do printf '%s\t%s\t%s\n' "$2" "${mark%%:=:*}" "${mark#*:=:}" >> table; done
            echo "$2" >> made
            # As zfs does where it makes the clone and cannot mount it, or is killed by then.
            [ -e unmountable ] && { echo "cannot mount '$2': the fake was told to fail" >&2; exit 1; }
            exit 0;;
        inherit)
            has "$2" || { missing "$2"; exit 1; }
            awk -F'\t' -v n="$2" -v k="$1" '!($1 == n && $2 == k)' table > table.new; mv table.new table;;
        destroy)
            [ "$1" = -r ] && shift
            has "$1" || { missing "$1"; exit 1; }
            rm -rf "clones/$1"
            awk -F'\t' -v n="$1" '$1 != n' table > table.new; mv table.new table
            grep -vxF "$1" made > made.new; mv made.new made;;
        mount) has "$1" || { missing "$1"; exit 1; };;
        rollback)
            for name; do :; done
            has "$name" || { missing "$name"; exit 1; };;
        set)
            status=0
            for word; do
                case "$word" in *=*) continue;; esac
                has "$word" || { missing "$word"; status=1; continue; }
                for pair; do
                    case "$pair" in *=*) printf '%s\t%s\t%s\n' "$word" "${pair%%=*}" "${pair#*=}" >> table;; esac
                done
            done
            exit $status;;
        *) echo "unrecognized command '$verb'" >&2; exit 2;;
        esac
        """#
    }
}
