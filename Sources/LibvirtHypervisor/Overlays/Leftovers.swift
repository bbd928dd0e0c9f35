internal import DiskLocation
public import Hypervisor
internal import Support

/// Finds overlays and VM snapshots of ours, by their names and by what lies below them, whatever state files say.
struct Leftovers: Sendable {
    let connection: Connection
    let store: any OverlayStore

    private struct Key: Hashable {
        let machine: String
        let run: String?
    }

    private struct Part {
        var disks: [OverlayDisk] = []
        var obstacles: [String] = []
        var isLive = false
    }

    func find() throws -> [Leftover] {
        var parts: [Key: Part] = [:]
        var names: [String: String] = [:]
        var known: Set<String> = []
        var snapshots: [String: [String]] = [:]
        var agents: Set<String> = []
        var formats: [String: [String: String]] = [:]
        for (domain, _) in try connection.domains() {
            let id = try domain.uuid()
            names[id] = domain.name
            // What cannot be read of one VM must not hide the others'.
            let live = try? domain.state().isActive ? domain.description() : nil
            if live?.agent == .connected { agents.insert(id) }
            let next = try? domain.description(persistent: true)
            let persistent = next.map(store.chains) ?? []
            let runs = ((try? domain.snapshotNames()) ?? []).compactMap { runID(inName: $0) }
            snapshots[id] = runs
            formats[id] = [live, next].compactMap(\.self).reduce(into: [:]) { $0.merge($1.formats) { old, _ in old } }
            for (use, isLive) in (live?.chains ?? []).map({ ($0, true) }) + persistent.map({ ($0, false) }) {
                for overlay in use.chain {
                    guard let name = OverlayName(overlay), name.machineID == id else { continue }
                    let key = Key(machine: id, run: run(of: overlay, name, runs))
                    if isLive { parts[key, default: Part()].isLive = true }
                    guard known.insert(overlay).inserted else { continue }
                    add(
                        overlay, name, below: use.chain.image(below: overlay), formats[id] ?? [:],
                        to: &parts[key, default: Part()])
                }
            }
            // One of which nothing but libvirt's snapshot is left.
            for key in runs.map({ Key(machine: id, run: $0) }) where parts[key] == nil { parts[key] = Part() }
        }
        for file in try store.names() {
            let overlay = "\(store.directory)/\(file)"
            guard let name = OverlayName(overlay), known.insert(overlay).inserted else { continue }
            names[name.machineID] = names[name.machineID] ?? name.machineName
            let key = Key(
                machine: name.machineID, run: run(of: overlay, name, snapshots[name.machineID] ?? []))
            add(overlay, name, below: nil, formats[name.machineID] ?? [:], to: &parts[key, default: Part()])
        }
        return parts.map { key, part in
            Leftover(
                run: key.run, machineID: key.machine, machineName: names[key.machine] ?? key.machine,
                freezeState: FreezeState(
                    step: .held, snapshot: "stillpoint-\(key.run ?? "unknown")", disks: part.disks,
                    isThawPending: part.isLive && agents.contains(key.machine)),
                obstacle: part.obstacles.isEmpty ? nil : part.obstacles.joined(separator: "; "))
        }.sorted { ($0.run ?? "", $0.machineName) < ($1.run ?? "", $1.machineName) }
    }

    /// By its mark, or its name where an older version made it; else it is of the only run that left a VM snapshot.
    /// - Parameter snapshots: the runs of the VM's snapshots.
    private func run(of overlay: String, _ name: OverlayName, _ snapshots: [String]) -> String? {
        name.run ?? store.run(of: overlay) ?? (snapshots.count == 1 ? snapshots[0] : nil)
    }

    /// Of `stillpoint-20261121T110000Z-1f3c9a`.
    private func runID(inName snapshot: String) -> String? {
        let run = String(snapshot.dropFirst("stillpoint-".count))
        return snapshot.hasPrefix("stillpoint-") && isRunID(run) ? run : nil
    }

    /// - Parameters:
    ///   - below: what the definition has below it; nil: it does not name it.
    ///   - formats: those of the images that the VM's definitions name. An overlay's header, which QEMU's user may write,
    ///     makes no other image a base.
    private func add(
        _ overlay: String, _ name: OverlayName, below: String?, _ formats: [String: String], to part: inout Part
    ) {
        let backing = store.backing(of: overlay)
        guard let base = backing?.name, let format = formats[base], backing?.format == format,
            below == nil || below == base
        else {
            let reason = backing.map { backing in
                "its header says that it lies on \(backing.name) (\(backing.format ?? "no format")), and the VM's definition "
                    + (below.map { "says \($0)" } ?? "names no such image")
            }
            part.obstacles.append(
                "\(overlay) has the name of an overlay, but \(reason ?? "is no qcow2 image over another, or missing")"
                    + "\(store.place.isEmpty ? "" : " (\(store.place))"); fix: "
                    + "inspect it with "
                    + "qemu-img info -U \(shellQuoted(overlay)), and if nobody needs it: rm \(shellQuoted(overlay))")
            return
        }
        part.disks.append(OverlayDisk(target: name.target, base: base, baseFormat: format, overlay: overlay))
    }
}

extension DomainDescription {
    /// The formats of all images that it names itself.
    fileprivate var formats: [String: String] {
        disks.map(\.disk).reduce(into: [:]) { formats, disk in
            for image in disk.chain { formats[image] = disk.format(of: image) }
        }
    }
}

extension LibvirtHypervisor {
    /// Overlays in `overlay_dir` and in definitions, and libvirt's snapshots, that have our names.
    public func leftovers() async throws -> [Leftover] {
        try await asking("finding overlays", within: .seconds(60)) { connection, store in
            try Leftovers(connection: connection, store: store).find()
        }
    }
}
