internal import Hypervisor
internal import ZFS

/// The datasets of all datastores of a server.
struct DatastoreMap: Sendable {
    /// By MoRef: names may share a beginning.
    private let byReference: [MoRef: [DatasetName]]
    private let byName: [String: [DatasetName]]

    init(_ datastores: [Datastore], rules: StorageRules, resolver: any DatastoreResolver) {
        var byReference: [MoRef: [DatasetName]] = [:]
        var byName: [String: [DatasetName]] = [:]
        for datastore in datastores {
            let found = Self.datasets(of: datastore, rules, resolver)
            byReference[datastore.reference] = found
            byName[datastore.name, default: []] += found.filter { !(byName[datastore.name] ?? []).contains($0) }
        }
        self.byReference = byReference
        self.byName = byName
    }

    /// What the configuration says comes first, by name, then by LUN; what it does not say is searched for.
    static func datasets(
        of datastore: Datastore, _ rules: StorageRules, _ resolver: any DatastoreResolver
    ) -> [DatasetName] {
        if let said = rules.datastores[datastore.name] { return [said] }
        guard case .vmfs(let extents) = datastore.kind else { return resolver.datasets(of: datastore.kind) }
        var found: [DatasetName] = []
        for extent in extents {
            let datasets = rules.luns[extent].map { [$0] } ?? resolver.datasets(of: .vmfs(extents: [extent]))
            found += datasets.filter { !found.contains($0) }
        }
        return found
    }

    /// Those of an image.
    func datasets(of image: VMDisk.Image) -> [DatasetName] {
        if let reference = image.datastore, let found = byReference[reference] { return found }
        return bracketed(image.file).flatMap { byName[$0] ?? byName[unescaped($0)] } ?? []
    }
}

/// The datastore's name in `[datastore] folder/name.vmdk`.
func bracketed(_ file: String) -> String? {
    guard file.hasPrefix("["), let end = file.firstIndex(of: "]") else { return nil }
    return String(file[file.index(after: file.startIndex)..<end])
}
