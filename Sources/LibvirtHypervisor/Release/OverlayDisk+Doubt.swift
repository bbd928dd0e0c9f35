internal import DiskLocation
internal import Hypervisor
internal import Support
internal import SystemPackage

/// What an administrator is told of a disk that is left on its overlay.
extension OverlayDisk {
    /// What is said where any guess might lose writes.
    func doubt(_ reason: String, remedy: HypervisorError.Remedy = .stop) -> HypervisorError {
        HypervisorError(
            .changed, "\(target) is not as it was left: \(reason); its overlay \(overlay) was not touched",
            remedy: remedy)
    }

    /// After a boot the pool may not be imported yet. What the guest wrote last is in the overlay alone.
    var missingBaseReason: String {
        "\(base) is not there; import its pool (zpool import, zfs load-key) or mount its file system, then: stillpoint recover"
    }

    /// What libvirt shows cannot be trusted where a QEMU has the overlay open.
    var openReason: String {
        "libvirt does not show it on its overlay, but a QEMU has that open, as after a libvirtd that was killed while it "
            + "moved the disk; see to which of both the guest writes: \(times); shut the VM down, and before it is "
            + "started, where it wrote to the overlay: qemu-img commit -d -f qcow2 \(shellQuoted(overlay)); then: "
            + "rm \(shellQuoted(overlay)); stillpoint recover"
    }

    /// libvirt shows it on its overlay, and QEMU commits nothing there.
    func undecidedReason(of domain: String) -> String {
        "libvirtd was killed in the middle of its pivot or of its commit, and nothing tells which; if the guest writes to "
            + "\(base) (\(times)), put that into its definition (virsh edit \(shellQuoted(domain))); then, when it "
            + "suits, shut the VM down and start it, and: stillpoint recover"
    }

    /// The command that shows when both were written.
    private var times: String { "stat -c '%y %n' \(shellQuoted(base)) \(shellQuoted(overlay))" }

    /// An internal snapshot lies in the image that took the guest's writes when it was made, and would go with it.
    /// - Throws: HypervisorError `.changed`, remedy `.stop`, where the overlay has one.
    func requireNoInternalSnapshot(of domain: String?) throws {
        guard let header = try? ImageHeader.read(ImageFile(overlay, followingLinks: false)), header.snapshotCount > 0
        else { return }
        let name = shellQuoted(domain ?? "VM")
        throw doubt(
            "somebody took \(header.snapshotCount == 1 ? "an internal snapshot" : "\(header.snapshotCount) internal snapshots") "
                + "of the VM since, which is in its overlay and would be deleted with it; when it is not needed any "
                + "more, "
                + "delete it (virsh snapshot-list \(name); virsh snapshot-delete \(name) SNAPSHOT), then: stillpoint recover"
        )
    }

    /// Why its writes find no room on its base: it was resized meanwhile, and a device does not grow with the commit, as a
    /// file does. Nil: there is room.
    /// - Parameter size: how long a device is, in bytes.
    func smallBaseReason(size: (String) throws -> UInt64 = deviceSize) -> String? {
        guard baseFormat == "raw", base.hasPrefix("/dev/"),
            let wanted = try? ImageHeader.read(ImageFile(overlay, followingLinks: false)).virtualSize,
            let size = try? size(base), size < wanted
        else { return nil }
        return
            "\(target) was resized to \(wanted) bytes while it was on its overlay \(overlay), and \(base) has \(size): "
            + "enlarge that (zfs set volsize=\(wanted) VOLUME), then: stillpoint recover"
    }

    static func deviceSize(_ path: String) throws -> UInt64 {
        UInt64(try ImageFile(path).withOpen { try $0.seek(offset: 0, from: .end) })
    }
}
