internal import Hypervisor
internal import Support
internal import XMLTree

/// Builds a domain's definition anew from one that nobody vouches for: of elements, attributes and values that lead to no
/// program, no file and no device of the host's, but for the images that are restored.
enum UntrustedDefinition {
    /// - Parameter images: the disks' images as the definition names them; what is on none of these is left out.
    /// - Returns: the definition, and what was left out: `devices/hostdev`.
    /// - Throws: HypervisorError where it has no proper name or UUID.
    static func filtered(_ domain: XMLElement, images: [String]) throws -> (domain: XMLElement, leftOut: [String]) {
        var leftOut: [String] = []
        let rule = UntrustedDomainRule(images: images).domain
        guard var result = rule.filtered(domain, "", &leftOut) else {
            throw HypervisorError(.callFailed, "the saved definition is no domain's of QEMU", remedy: .stop)
        }
        guard result.children(named: "name").count == 1, result.children(named: "uuid").count == 1,
            result.first("name")?.text.isEmpty == false, result.first("uuid")?.text.isEmpty == false
        else {
            throw HypervisorError(
                .callFailed, "the saved definition has no proper name or UUID", remedy: .stop)
        }
        // The firmware itself, and where its variables lie, is libvirt's to choose.
        let isUEFI = domain.first("os", "nvram") != nil || domain.first("os", "loader")?["type"] == "pflash"
        if isUEFI { result.change("os") { $0["firmware"] = "efi" } }
        result.change("devices") { devices in
            devices.change { device in
                if device.name == "graphics" { device["autoport"] = "yes" }
            }
        }
        let left = leftOut.map { printable($0.hasPrefix("/") ? String($0.dropFirst()) : $0) }
        return (result, left.reduce(into: []) { if !$0.contains($1) { $0.append($1) } })
    }
}
