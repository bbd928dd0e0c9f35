import TestSupport
import Testing
import ZFS

/// A stand-in for zfs that imitates OpenZFS, zfs-fuse 0.7 (as measured) or a version that refuses a second property
/// outright, and keeps a record of its calls.
///
/// What it knows is in `existing`, one name a line; a name in `forbidden` may not be changed.
struct FakeZFS {
    enum Family: String, CaseIterable { case openZFS, fuse, strict }

    let scratch: ScratchFolder
    var command: ZFSCommand { ZFSCommand(executable: scratch.path + "/bin/zfs", timeout: .seconds(20)) }

    init(_ scratch: ScratchFolder, _ family: Family, existing: [String], forbidden: [String] = []) throws {
        self.scratch = scratch
        try scratch.write("existing", existing.map { $0 + "\n" }.joined())
        try scratch.write("forbidden", forbidden.map { $0 + "\n" }.joined())
        try scratch.write("bin/zfs", Self.script(scratch.path, family), mode: 0o755)
    }

    /// The arguments of each call, in order.
    func calls() throws -> [String] {
        try String(decoding: readFile(scratch.path + "/calls"), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// What was stored, as `snapshot name=value`.
    func stored() throws -> Set<String> {
        let text = try String(decoding: readFile(scratch.path + "/stored"), as: UTF8.self)
        return Set(text.split(separator: "\n").map(String.init))
    }

    private static func script(_ path: String, _ family: Family) -> String {
        """
        #!/bin/sh
        [ "$LC_ALL" = C ] || { echo "internal error: a locale" >&2; exit 3; }
        echo "$*" >> \(path)/calls
        verb=$1; shift
        status=0
        if [ "$verb" = list ]; then
            for name; do :; done
            grep -qxF "$name" \(path)/existing && { echo "$name"; exit 0; }
            echo "cannot open '$name': dataset does not exist" >&2
            exit 1
        fi
        assignments= ; count=0
        while case "$1" in *=*) [ \(family.rawValue) != fuse ] || [ $count = 0 ];; *) false;; esac; do
            assignments="$assignments$1
        "
            count=$((count + 1)); shift
        done
        if [ \(family.rawValue) = strict ] && [ $count -gt 1 ]; then
            printf 'missing dataset name\\nusage:\\n\\tset <property=value> ...\\n' >&2
            exit 2
        fi
        for name; do
            case "$name" in *=*) echo "cannot open '$name': invalid dataset name" >&2; status=1; continue;; esac
            if ! grep -qxF "$name" \(path)/existing; then
                echo "cannot open '$name': dataset does not exist" >&2; status=1
            elif grep -qxF "$name" \(path)/forbidden; then
                echo "cannot set property for '$name': permission denied" >&2; status=1
            else
                printf '%s' "$assignments" | while read -r line; do echo "$name $line" >> \(path)/stored; done
            fi
        done
        exit $status
        """
    }
}
