internal import Glibc
internal import Storage

/// The AppArmor profile of a domain, where one keeps its QEMU from committing.
///
/// libvirt before 12.1.0 writes `deny "BASE" w` for each image below a chain's top whenever it writes a profile anew:
/// for a VM that is started on its overlay, and when a device changes. A deny beats every allow.
struct AppArmorProfile: Sendable {
    static let folder = "/etc/apparmor.d/libvirt"

    /// The first libvirt without that line, as virConnectGetLibVersion counts: 12.1.0.
    static let fixedVersion: UInt = 12_001_000

    let path: String

    /// The profile that may be why libvirt gave this error; nil: it is something else.
    static func refusing(_ error: LibvirtError, domain uuid: String, in folder: String = folder) -> AppArmorProfile? {
        let path = "\(folder)/libvirt-\(uuid)"
        guard error.message.has("Permission denied"), access(path, F_OK) == 0 else { return nil }
        return AppArmorProfile(path: path)
    }

    /// Whether the kernel confines programs by AppArmor.
    static func isInForce(_ roots: SystemRoots = SystemRoots()) -> Bool {
        let text = try? FileAccess.read("\(roots.sys)/module/apparmor/parameters/enabled", limit: 8)
        return text?.first == UInt8(ascii: "Y")
    }

    /// What an administrator can do.
    func wayOut(_ machine: String, _ base: String) -> String {
        "its AppArmor profile \(path) denies it, as libvirt before 12.1 writes for a VM that was started on its overlay; "
            + "shut \(machine) down, then: stillpoint recover; or while it runs: delete the line 'deny \"\(base)\" w,' "
            + "from \(path).files, then: apparmor_parser -r \(shellQuoted(path)) && stillpoint recover"
    }
}
