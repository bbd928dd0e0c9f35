internal import DiskLocation
internal import Hypervisor
internal import Support

/// The border between the paths of a libvirtd elsewhere and ours: whatever leaves this back end for the planner is
/// translated here, and what it recorded for itself (`FreezeState`) never is.
extension HypervisorSettings {
    /// The path here of one of a libvirtd's host. Where nothing of ours is there, it is marked with the section's name, so
    /// that nobody looks for it on this host: `kvm1:/var/lib/x`.
    func place(of path: String) -> String {
        guard let site else { return path }
        return site.paths.ours(path) ?? "\(name):\(path)"
    }

    /// A disk as a plan has it.
    func plannedDisk(_ disk: Disk) -> Disk {
        guard site != nil else { return disk }
        var translated = Disk(
            target: disk.target, chain: disk.chain.map(place), datasets: disk.datasets, format: disk.format,
            lowerFormats: disk.lowerFormats.map { formats in
                Dictionary(formats.map { (place(of: $0.key), $0.value) }) { first, _ in first }
            }, exclusion: disk.exclusion, refusal: disk.refusal)
        translated.overlay = disk.overlay.map { DiskOverlay(path: place(of: $0.path), run: $0.run) }
        return translated
    }

    /// A VM as a plan has it. A disk of it whose place here is empty may be concerned by any snapshot.
    func plannedMachine(_ machine: VirtualMachine) -> VirtualMachine {
        guard let site else { return machine }
        let missing = machine.disks.filter(\.isOwn).compactMap { disk -> String? in
            guard let theirs = disk.source, let ours = site.paths.ours(theirs), !fileExists(ours) else { return nil }
            return "\(disk.target) is \(printable(theirs, limit: 400)) there, and by path_map "
                + "\(printable(ours, limit: 400)) here, which does not exist"
        }
        let unresolved = (machine.unresolved ?? []) + missing
        let disks = machine.disks.map(plannedDisk)
        return VirtualMachine(
            id: machine.id, name: machine.name, power: machine.power,
            disks: machine.power == .off ? disks.map { withHeadersRead($0, site) } : disks, memory: machine.memory,
            notes: machine.notes, unresolved: unresolved.isEmpty ? nil : unresolved)
    }

    /// With the images below it, which nothing but headers tells of a VM that is off: by paths of its host, or relative to
    /// the image's folder here.
    private func withHeadersRead(_ disk: Disk, _ site: RemoteSite) -> Disk {
        guard disk.chain.count == 1, let top = disk.source, top.hasPrefix("/") else { return disk }
        return disk.over(
            ImageChain.layers(below: top, format: disk.format).map { layer in
                let isOurs = site.paths.lines.contains { layer.path.hasPrefix($0.ours + "/") }
                return ImageChain.Layer(
                    path: site.paths.ours(layer.path) ?? (isOurs ? layer.path : place(of: layer.path)),
                    format: layer.format)
            })
    }
}

extension LibvirtHypervisor {
    /// Its section, in messages.
    var section: String { "[hypervisor \(printable(name))]" }

    /// The overlays' folder, where it lies on storage of this host.
    public var mappedOverlayDirectory: String? { settings.site.flatMap { $0.paths.ours($0.overlayDirectory) } }

    /// Clones of snapshots are made on this host, and nobody can tell where another one would see them.
    public var obstacleToRestore: String? {
        guard settings.site != nil else { return nil }
        return
            "\(section) has path_map, and where its host would see a restored disk is not known; restore by hand: clone "
            + "the snapshot (zfs clone), have that host mount the clone, and define the VM there from the domain.xml that "
            + "was saved in the snapshot (docs/remote.md)"
    }
}
