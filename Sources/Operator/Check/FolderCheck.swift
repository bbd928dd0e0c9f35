internal import Configuration
internal import DiskLocation
internal import Engine
internal import Glibc
internal import Hypervisor
internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

/// The folders that are written to, against the datasets that hold VMs, and the programs of `exec:PATH`.
struct FolderCheck: CheckTheme {
    let site: CheckedSite
    var subject: String { "the folders" }
    private var configuration: Configuration { site.configuration }
    private var moved: [PlannedVM] { site.plans.filter(\.mayMoveDisks) }
    private var local: [PlannedVM] { moved.filter(\.hasLocalOverlays) }

    func findings() async throws -> [Finding] {
        try await blocking("checking the folders", within: .seconds(60)) {
            programs() + usable() + closed() + volatile()
        }
    }

    private func programs() -> [Finding] {
        Set(site.plans.flatMap(\.strategies).compactMap(\.program)).sorted().compactMap { path in
            do {
                try TrustedProgram(path).check()
                return nil
            } catch {
                return Finding(.programUnusable, of: error)
            }
        }
    }

    private func usable() -> [Finding] {
        var findings: [Finding] = []
        func test(_ folder: WorkFolder, _ check: (WorkFolder) throws -> Void) {
            // Of what only root can see nothing is said that may be wrong.
            guard !site.isHidden(folder.path) else { return }
            do {
                try check(folder)
            } catch let error as WorkFolderError where error.code == .tooLittleRoom {
                findings.append(Finding(.overlayRoomLacking, of: error))
            } catch let error as WorkFolderError where error.code == .notWritable && !site.isRoot {
            } catch {
                findings.append(Finding(.folderUnusable, of: error))
            }
        }
        let scope = site.scope(of: local)
        let storage = site.storage
        if !local.isEmpty {
            test(WorkFolder(key: .overlayDirectory, path: configuration.overlayDirectory)) {
                try OverlaySpaceCheck(scope: scope, storage: storage).check(
                    $0.path,
                    disks: Dictionary(local.map { ($0.key, $0.disks.count) }, uniquingKeysWith: max).values.reduce(0, +)
                )
            }
        }
        for (directory, theirs) in Dictionary(grouping: moved, by: \.hypervisor.mappedOverlayDirectory) {
            guard let directory else { continue }
            test(WorkFolder(key: .overlayDirectory, path: directory)) {
                try $0.requireOther(than: site.scope(of: theirs), storage)
            }
        }
        if needsRAM {
            test(WorkFolder(key: .ramDirectory, path: configuration.ramDirectory)) { try $0.check(scope, storage) }
        }
        if fileExists(configuration.stateDirectory) {
            test(WorkFolder(key: .stateDirectory, path: configuration.stateDirectory)) { try $0.requireTrust() }
        }
        return findings + coldStorage()
    }

    /// No hook needs it: dumps wait in `ram_dir` meanwhile.
    private func coldStorage() -> [Finding] {
        guard let cold = configuration.coldStorage, !site.isHidden(cold) else { return [] }
        do {
            try WorkFolder(key: .coldStorage, path: cold).check(Scope(targets: []), site.storage)
            return []
        } catch let error as WorkFolderError where error.code == .notWritable && !site.isRoot {
            return []
        } catch let error as WorkFolderError where error.code == .missing {
            return [
                Finding(
                    .coldStorageUnusable, "cold_storage \(printable(cold, limit: 300)) is not there",
                    fix: "mount what it is on; only where it is no mount: install -d -m 0711 \(shellQuoted(cold))")
            ]
        } catch {
            return [Finding(.coldStorageUnusable, of: error)]
        }
    }

    /// Folders that keep QEMU from the overlays that libvirt gives to it.
    private func closed() -> [Finding] {
        let path = configuration.overlayDirectory
        guard local.contains(where: { $0.strategies.contains(where: \.movesDisks) && !isOfSession($0) }),
            !site.isHidden(path), FileAccess.isFolder(path)
        else { return [] }
        let user = QEMUUser(of: site.host)
        let closed = user.closedFolders(to: path)
        guard !closed.isEmpty else { return [] }
        let names = shortList(closed.map { printable($0.folder, limit: 300) })
        return [
            Finding(
                .overlayFolderClosed,
                "\(user.name) cannot enter \(names), so QEMU cannot open an overlay in overlay_dir "
                    + printable(path, limit: 300), fix: closed.map(\.fix).joined(separator: " && "))
        ]
    }

    /// Its QEMU runs as who asks.
    private func isOfSession(_ planned: PlannedVM) -> Bool {
        configuration.hypervisors.contains { $0.name == planned.hypervisor.name && $0.uri.hasSuffix("/session") }
    }

    private var needsRAM: Bool { local.contains { $0.strategies.contains(.memory) } }

    /// Folders whose files are gone when the host is started again.
    private func volatile() -> [Finding] {
        guard !site.plans.isEmpty else { return [] }
        var findings: [Finding] = []
        var kept = [(FolderKey.stateDirectory, configuration.stateDirectory)]
        if !local.isEmpty { kept.append((.overlayDirectory, configuration.overlayDirectory)) }
        for (key, path) in kept {
            guard let type = memoryType(path) else { continue }
            findings.append(
                Finding(
                    .folderVolatile, "\(key.rawValue) \(path) is on \(type), which a power cut empties",
                    fix: "set \(key.rawValue) to a folder on a disk"))
        }
        if needsRAM, configuration.coldStorage == nil, let type = memoryType(configuration.ramDirectory) {
            findings.append(
                Finding(
                    .dumpsVolatile,
                    "ram_dir \(configuration.ramDirectory) is on \(type), and RAM dumps stay there, since cold_storage is "
                        + "not set", fix: "set cold_storage"))
        }
        return findings
    }

    private func memoryType(_ path: String) -> String? {
        guard let place = try? site.storage.locate(path).resolvedPath,
            let type = site.storage.mountTable.mount(containing: place)?.fileSystemType
        else { return nil }
        return ["tmpfs", "ramfs"].contains(type) ? type : nil
    }
}

extension CheckedSite {
    /// Whether this user may not see what is at a path.
    func isHidden(_ path: String) -> Bool {
        guard !isRoot else { return false }
        var folder = FileAccess.parent(path)
        while folder != "/" {
            if fileExists(folder), !context.user.may(X_OK, folder) { return true }
            folder = FileAccess.parent(folder)
        }
        return false
    }

    /// The datasets of these VMs, and what is snapshotted together with them.
    func scope(of plans: [PlannedVM]) -> Scope {
        let datasets = Set(plans.flatMap(\.datasets))
        let trees = recursiveRoots(above: datasets)
        return Scope(targets: datasets.union(trees).sorted(), recursiveTargets: trees.sorted())
    }

    /// Those of the datasets, and above them, that are snapshotted at once with what is below them, or right before it.
    func recursiveRoots(above datasets: Set<DatasetName>) -> Set<DatasetName> {
        let all = datasets.union(datasets.flatMap(\.ancestors))
        let named = Set(configuration.datasets.filter { $0.recursive == .yes }.map(\.dataset))
        return all.filter { named.contains($0) || sanoid?.isRecursive($0) == true }
    }
}
