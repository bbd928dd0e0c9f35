@testable import Hypervisor
@testable import LibvirtHypervisor
@testable import XMLTree

/// A domain's XML that is made another VM's, and one that is put back on its bases.
func fuzzRewriting(_ bytes: [UInt8]) {
    guard let domain = try? XMLElement.parse(String(decoding: bytes, as: UTF8.self)), domain.name == "domain" else {
        return
    }
    var generator = SystemRandomNumberGenerator()
    let identity = CloneIdentity(name: "new name", replacing: [domain], using: &generator)
    let moves = [PathMove(from: "/tank/a.raw", to: "/clone/a.raw"), PathMove(from: "/o/a.qcow2", to: "/clone/b.raw")]
    for linksDown in [false, true] {
        let rewriting = DomainXMLRewriter(
            moves: moves, identity: identity, linksDown: linksDown, volumePath: { "/pool/\($0)/\($1)" })
        guard let once = try? rewriting.rewritten(domain), let twice = try? rewriting.rewritten(once) else { continue }
        invariant(once.first("uuid")?.text == identity.uuid, "it has not the new UUID")
        invariant(once.first("name")?.text == identity.name, "it has not the new name")
        // The new variables' file is named after the old one's folder and ending: again it is the same.
        invariant(twice == once, "rewriting twice is not rewriting once")
        checkDevices(of: once, from: domain, identity, moves)
    }
    let held = OverlayDisk(target: "vda", base: "/tank/a.raw", baseFormat: "raw", overlay: "/o/a.qcow2")
    let bases = BaseDefinition(disks: [held])
    let once = bases.rewritten(domain)
    invariant(bases.rewritten(once) == once, "putting on bases twice is not doing it once")
    for disk in (once.first("devices")?.children(named: "disk") ?? []) {
        invariant(disk.imagePath != held.overlay, "a disk is still on its overlay")
    }
    let completed = bases.completed(domain)
    invariant(bases.completed(completed) == completed, "completing twice is not doing it once")
}

private func checkDevices(of new: XMLElement, from old: XMLElement, _ identity: CloneIdentity, _ moves: [PathMove]) {
    let addresses = Set(identity.macs.keys)
    for devices in new.children(named: "devices") {
        for interface in devices.children(named: "interface") {
            guard let address = interface.first("mac")?["address"]?.lowercased(), addresses.contains(address) else {
                continue
            }
            invariant(false, "an old MAC address is left")
        }
        for disk in devices.children(named: "disk") where disk["type"] == "file" {
            guard let path = disk.first("source")?["file"] else { continue }
            invariant(!moves.contains { $0.from.utf8.elementsEqual(path.utf8) }, "an old path is left")
        }
    }
}
