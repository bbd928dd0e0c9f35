@testable import LibvirtHypervisor
@testable import XMLTree

/// A definition that is not trusted: whatever it says, no path but of the images and no program is left.
func fuzzDefinitionFilter(_ bytes: [UInt8]) {
    guard let domain = try? XMLElement.parse(String(decoding: bytes, as: UTF8.self)) else { return }
    let images = ["/clone/a.raw"]
    guard let (once, _) = try? UntrustedDefinition.filtered(domain, images: images) else { return }
    check(once, images, [])
    do {
        let (twice, leftOut) = try UntrustedDefinition.filtered(once, images: images)
        invariant(twice == once, "filtering twice is not filtering once")
        invariant(leftOut.isEmpty, "a filtered definition lacks \(leftOut)")
    } catch {
        invariant(false, "a filtered definition is refused: \(error)")
    }
    invariant((try? XMLElement.parse(once.description)) == once, "what was filtered is not XML")
}

/// A list of its own, of what must never be left; the filter's is of what may.
private let forbidden: Set = [
    "emulator", "kernel", "initrd", "cmdline", "loader", "nvram", "hostdev", "filesystem", "script", "seclabel",
    "metadata", "shmem", "memoryBacking", "launchSecurity", "sysinfo", "redirdev", "vsock", "crypto",
    "qemu:commandline",
    "smartcard", "lease", "shareable", "auth", "dtb", "init", "initarg", "initenv", "acpi-table", "slic", "iommu",
]

private func check(_ element: XMLElement, _ images: [String], _ above: [String]) {
    let place = (above + [element.name]).joined(separator: "/")
    invariant(!forbidden.contains(element.name), "\(place) is left")
    invariant(!element.name.utf8.contains(UInt8(ascii: ":")), "\(place) is of another namespace")
    for value in element.attributes.map(\.value) + [element.text] where value.utf8.contains(UInt8(ascii: "/")) {
        invariant(images.contains(value) || value == "/dev/urandom", "\(place) names \(value)")
    }
    for child in element.children { check(child, images, above + [element.name]) }
}
