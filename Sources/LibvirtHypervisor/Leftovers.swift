public import Hypervisor
internal import Storage

/// Looks for overlays and VM snapshots of ours, by their names and by what lies below them, whatever state files say.
struct Leftovers: Sendable {
    let connection: Connection
    /// Where overlays are made.
    let directory: String

    private struct Key: Hashable {
        let machine: String
        let run: String
    }

    private struct Part {
        var disks: [HeldDisk] = []
        var obstacles: [String] = []
        var isLive = false
    }

    func find() throws -> [Leftover] {
        var parts: [Key: Part] = [:]
        var names: [String: String] = [:]
        var known: Set<String> = []
        var agents: Set<String> = []
        for (domain, _) in try connection.domains() {
            let id = try domain.uuid()
            names[id] = domain.name
            // What cannot be read of one VM must not hide the others'.
            let live = try? domain.state().isActive ? domain.description() : nil
            if live?.agent == .connected { agents.insert(id) }
            let persistent = (try? domain.description(persistent: true).usesWithChains()) ?? []
            for (use, isLive) in (live?.uses ?? []).map({ ($0, true) }) + persistent.map({ ($0, false) }) {
                for overlay in use.chain {
                    guard let name = OverlayName(overlay), name.machineID == id else { continue }
                    let key = Key(machine: id, run: name.run)
                    if isLive { parts[key, default: Part()].isLive = true }
                    guard known.insert(overlay).inserted else { continue }
                    add(overlay, name, below: use.chain.image(below: overlay), to: &parts[key, default: Part()])
                }
            }
            for snapshot in (try? domain.snapshotNames()) ?? [] {
                guard snapshot.hasPrefix("stillpoint-"), runTime(inName: snapshot) != nil else { continue }
                _ = parts[Key(machine: id, run: String(snapshot.dropFirst(11))), default: Part()]
            }
        }
        for file in FileAccess.names(in: directory) {
            let overlay = "\(directory)/\(file)"
            guard let name = OverlayName(overlay), known.insert(overlay).inserted else { continue }
            names[name.machineID] = names[name.machineID] ?? name.machineName
            let key = Key(machine: name.machineID, run: name.run)
            add(overlay, name, below: nil, to: &parts[key, default: Part()])
        }
        return parts.map { key, part in
            Leftover(
                run: key.run, machineID: key.machine, machineName: names[key.machine] ?? key.machine,
                hold: Hold(
                    step: .held, snapshot: "stillpoint-\(key.run)", disks: part.disks,
                    owesThaw: part.isLive && agents.contains(key.machine)),
                obstacle: part.obstacles.isEmpty ? nil : part.obstacles.joined(separator: "; "))
        }.sorted { ($0.run, $0.machineName) < ($1.run, $1.machineName) }
    }

    /// - Parameter below: what the definition has below it; nil: it does not name it.
    private func add(_ overlay: String, _ name: OverlayName, below: String?, to part: inout Part) {
        let base = (try? ImageChain.backingFile(of: overlay)) ?? nil
        guard let base, base.hasPrefix("/"), below == nil || below == base,
            let format = (try? OverlayContent.backingFormat(of: overlay)) ?? nil
        else {
            let reason = base.map { "it lies on \($0), and its definition says \(below ?? "nothing")" }
            part.obstacles.append(
                "\(overlay) has the name of an overlay, but \(reason ?? "is no qcow2 image, or not there"); look at it with "
                    + "qemu-img info -U \(overlay), and if nobody needs it: rm \(overlay)")
            return
        }
        part.disks.append(HeldDisk(target: name.target, base: base, baseFormat: format, overlay: overlay))
    }
}

extension LibvirtHypervisor {
    /// Overlays in `overlay_dir` and in definitions, and libvirt's snapshots, that have our names.
    public func leftovers() async throws -> [Leftover] {
        try await asking("looking for overlays", within: .seconds(60)) { connection, directory in
            try Leftovers(connection: connection, directory: directory).find()
        }
    }

    /// Where AppArmor is in force: which VMs cannot be committed while they run.
    public func notes() async throws -> [String] {
        guard AppArmorProfile.isInForce() else { return [] }
        let version = try await asking("asking for libvirt's version", within: .seconds(30)) { connection, _ in
            try connection.libraryVersion()
        }
        guard version < AppArmorProfile.fixedVersion else { return [] }
        return [
            "AppArmor is in force and libvirt is older than 12.1: a VM that is started on its overlay (autostart after a power "
                + "cut) cannot be committed while it runs; hooks/systemd/README.md says what to do"
        ]
    }
}
