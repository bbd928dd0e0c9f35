internal import Hypervisor
internal import Storage

/// What an administrator is told of a disk that is left on its overlay.
extension HeldDisk {
    /// What is said where any guess might lose writes.
    func doubt(_ reason: String, remedy: HypervisorError.Remedy = .stop) -> HypervisorError {
        HypervisorError(
            .changed, "\(target) is not as it was left: \(reason); its overlay \(overlay) was left alone",
            remedy: remedy)
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
}
