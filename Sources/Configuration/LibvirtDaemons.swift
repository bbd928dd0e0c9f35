internal import Hypervisor
internal import Support

/// The libvirtds that sections ask for their VMs: each is asked by one of them, or its VMs were frozen twice.
struct LibvirtDaemons {
    let file: String
    /// By what two URIs of one libvirtd have in common.
    private var sections: [String: (name: String, line: Int)] = [:]

    init(file: String) { self.file = file }

    /// Two accounts of a vCenter may see different VMs; of a libvirtd all see the same.
    /// - Parameter line: of its `uri`, or of the section, where it says none.
    /// - Throws: ConfigurationError `.duplicate`.
    mutating func add(_ settings: HypervisorSettings, line: Int) throws(ConfigurationError) {
        guard settings.kind == "libvirt", settings.isEnabled else { return }
        let daemon = ConnectionURI(settings.uri).daemon
        guard let first = sections.updateValue((settings.name, line), forKey: daemon) else { return }
        throw ConfigurationError(
            .duplicate,
            "[hypervisor \(printable(settings.name))] asks the libvirtd of [hypervisor \(printable(first.name))] "
                + "(line \(first.line)) once more: \(printable(settings.uri)); remove one of the two, or write in it: "
                + "enabled = no",
            at: (file, line))
    }
}
