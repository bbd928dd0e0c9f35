internal import Hypervisor
internal import Support

/// How a guest comes to have an agent that answers.
struct AgentFix: Sendable {
    /// The VM, as virsh takes it.
    let domain: String
    /// `virsh`, with the URI where it is not the usual one.
    let virsh: String
    /// Its definition has the channel already, which it gets when it is started next.
    var isDefined = false

    /// The channel as libvirt wants it in a definition (libvirt.org/formatdomain.html#channel).
    static let channel = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"

    /// Nil where the reason is not the agent's absence or silence.
    func text(for reason: ReasonCode) -> String? {
        switch reason {
        case .agentMissing where isDefined:
            "its definition has the channel since it was started: shut the VM down and start it (a reboot in the guest is "
                + "not enough); qemu-guest-agent must be installed in the guest"
        case .agentMissing:
            "printf %s \"\(Self.channel)\" | \(virsh) attach-device \(domain) /dev/stdin --config; then install "
                + "qemu-guest-agent in the guest, shut it down and start it"
        case .agentSilent:
            "install and start it in the guest: systemctl enable --now qemu-guest-agent (Windows: the service QEMU Guest "
                + "Agent); where it runs: systemctl restart qemu-guest-agent"
        default: nil
        }
    }
}

extension HypervisorSettings {
    /// The command line's beginning for its domains.
    var virsh: String { uri == "qemu:///system" ? "virsh" : "virsh -c \(shellQuoted(uri))" }
}
