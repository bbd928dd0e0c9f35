/// What zfs says of a dataset's space, in bytes (zfsprops(7)).
public struct DatasetSpace: Sendable, Equatable {
    /// Its name.
    public let name: DatasetName
    /// What it may still take, its own unused refreservation included, after the quotas of all above it.
    public var available: UInt64 = 0
    /// What it has taken with all below it, reservations included.
    public var used: UInt64 = 0
    /// What it and those below it are sure of; 0: nothing.
    public var reservation: UInt64 = 0
    /// What its own data is sure of, snapshots apart; 0: nothing.
    public var refreservation: UInt64 = 0
    /// The part of that which is not used.
    public var usedByRefreservation: UInt64 = 0
    /// What its own data may take; 0: all there is.
    public var refquota: UInt64 = 0

    /// Nothing is known yet.
    public init(_ name: DatasetName) { self.name = name }

    fileprivate static let keys: [(name: String, place: any WritableKeyPath<DatasetSpace, UInt64> & Sendable)] = [
        ("available", \.available), ("used", \.used), ("reservation", \.reservation),
        ("refreservation", \.refreservation), ("usedbyrefreservation", \.usedByRefreservation),
        ("refquota", \.refquota),
    ]
}

extension ZFSCommand {
    /// Those of the datasets, with `recursive` also of those below, whose snapshot may want more space than its metadata: they
    /// have a refreservation, or nothing available.
    public func wantingSpace(_ datasets: [DatasetName], recursive: Bool) async throws(ZFSError) -> [DatasetName] {
        guard !datasets.isEmpty else { return [] }
        // Without -p, which zfs-fuse does not know here; no value is read.
        let outcome = try await run(
            ["list", "-H", "-o", "name,refreservation,available", "-t", "filesystem,volume"] + (recursive ? ["-r"] : [])
                + datasets.map(\.rawValue))
        // One that is gone is named on standard error, and the others are listed.
        guard outcome.exitStatus == 0 || outcome.exitStatus == 1 && !outcome.output.isEmpty else {
            throw failure(outcome, "zfs could not list the refreservations")
        }
        return outcome.output.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard fields.count == 3 else { return nil }
            let hasNone = ["none", "-", "0", "0B"].contains(fields[1])
            guard !hasNone || fields[2] == "0" || fields[2] == "0B" else { return nil }
            return try? DatasetName(String(fields[0]))
        }
    }

    /// The space of each of the datasets that are there.
    public func space(of datasets: [DatasetName]) async throws(ZFSError) -> [DatasetSpace] {
        guard !datasets.isEmpty else { return [] }
        let keys = DatasetSpace.keys
        let outcome = try await run(
            ["get", "-H", "-p", "-o", "name,property,value", keys.map(\.name).joined(separator: ",")]
                + datasets.map(\.rawValue))
        // One that is gone is named on standard error, and the others are told of.
        guard outcome.exitStatus == 0 || outcome.exitStatus == 1 && !outcome.output.isEmpty else {
            throw failure(outcome, "zfs could not tell the space of datasets")
        }
        var found: [String: DatasetSpace] = [:]
        for line in outcome.output.split(separator: "\n") {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 3, let name = try? DatasetName(fields[0]),
                let key = keys.first(where: { $0.name == fields[1] })
            else { continue }
            // `none`, and `-` for what the type does not have.
            found[name.rawValue, default: DatasetSpace(name)][keyPath: key.place] = UInt64(fields[2]) ?? 0
        }
        return datasets.compactMap { found[$0.rawValue] }
    }
}
