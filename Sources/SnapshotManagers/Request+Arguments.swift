internal import Support
internal import ZFS

extension Request {
    /// Reads operands; nil where there are none.
    ///
    /// `DATASET@NAME…` is a call by hand. Two operands without an `@` are zfs-auto-snapshot's DATASET SNAPNAME where the
    /// second ends in a time, as all of its names do. Datasets alone are what zfs-autobackup's hook commands can give, as it
    /// tells its hooks nothing: `tank/VM backup` are two of them.
    init?(arguments: [String]) throws(InvocationError) {
        guard let first = arguments.first else { return nil }
        let withName = arguments.filter { $0.utf8.contains(UInt8(ascii: "@")) }
        if withName.count == arguments.count {
            self.init(manager: .byHand, recursion: .no)
            for argument in arguments {
                snapshots.append(try Self.valid(argument) { (text) throws(NameError) in try SnapshotName(text) })
            }
        } else if let odd = withName.first {
            throw InvocationError(
                .badValue,
                "'\(printable(odd))' names a snapshot and other arguments do not; write DATASET@NAME for each")
        } else if arguments.count == 2, Self.isOfAutoSnapshot(arguments[1]) {
            // Two arguments do not tell whether the snapshot is recursive, and freezing more than needed is safe.
            self.init(manager: .zfsAutoSnapshot, recursion: .yes)
            let dataset = try Self.valid(first) { (text) throws(NameError) in try DatasetName(text) }
            snapshots = [
                try Self.valid(arguments[1]) { (text) throws(NameError) in
                    try SnapshotName(dataset: dataset, name: text)
                }
            ]
        } else {
            self.init(manager: .byHand, recursion: .no)
            for argument in arguments {
                targets.append(try Self.valid(argument) { (text) throws(NameError) in try DatasetName(text) })
            }
        }
    }

    /// `…-2026-11-29-0117`: `$(date --utc +%F-%H%M)` ends each of its SNAPNAMEs.
    private static func isOfAutoSnapshot(_ name: String) -> Bool {
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        return parts.count > 4 && !name.utf8.contains(UInt8(ascii: "/"))
            && zip(parts.suffix(4), [4, 2, 2, 4]).allSatisfy { part, length in
                part.utf8.count == length && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
            }
    }

    private static func valid<Name>(
        _ argument: String, _ make: (String) throws(NameError) -> Name
    ) throws(InvocationError) -> Name {
        do {
            return try make(argument)
        } catch {
            throw InvocationError(.badValue, "argument: \(error.message)")
        }
    }
}
