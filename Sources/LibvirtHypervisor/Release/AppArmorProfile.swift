internal import Glibc
internal import Hypervisor
internal import Support
internal import SystemPackage

/// The AppArmor profile of a domain, where one keeps its QEMU from committing.
///
/// libvirt before 12.1.0 writes `deny "BASE" w` for each image below a chain's top whenever it writes a profile anew:
/// for a VM that is started on its overlay, and when a device changes. A deny beats every allow. Whoever starts a commit
/// has libvirt add the allow (virt-aa-helper -F), which leaves all other lines as they are: so it is enough to take the
/// deny out beforehand.
struct AppArmorProfile: Sendable {
    static let folder = "/etc/apparmor.d/libvirt"

    /// The first libvirt without that line, as virConnectGetLibVersion counts: 12.1.0.
    static let fixedVersion: UInt = 12_001_000

    /// A profile has some lines for each device.
    private static let longest = 8 << 20

    private let folder: String
    private let name: String

    private init(folder: String, domain uuid: String) {
        self.folder = folder
        name = "libvirt-\(uuid)"
    }

    /// What is loaded into the kernel; the lines about files are in another file, which it includes.
    var path: String { "\(folder)/\(name)" }
    private var lines: String { "\(name).files" }

    /// The profile that may be why libvirt gave this error; nil: it is something else.
    static func refusing(_ error: LibvirtError, domain uuid: String, in folder: String = folder) -> AppArmorProfile? {
        let profile = AppArmorProfile(folder: folder, domain: uuid)
        guard error.message.has("Permission denied"), access(profile.path, F_OK) == 0 else { return nil }
        return profile
    }

    /// Whether the kernel confines programs by AppArmor.
    static func isInForce(_ roots: SystemRoots = SystemRoots()) -> Bool {
        let text = try? FileAccess.read("\(roots.sys)/module/apparmor/parameters/enabled", limit: 8)
        return text?.first == UInt8(ascii: "Y")
    }

    /// The program that loads profiles into the kernel; nil where there is none.
    static var parser: String? { programPath("apparmor_parser", others: ["/usr/sbin", "/sbin"]) }

    // MARK: the deny lines

    /// Takes out the lines that deny writing to these images, and has the kernel load the profile anew.
    /// - Returns: how many lines that were; 0: it denies none of them, and nothing was done.
    /// - Throws: HypervisorError `.callFailed`, remedy `.stop`; the profile is as it was then.
    func permit(_ images: [String], by parser: String? = AppArmorProfile.parser) async throws -> Int {
        let (old, count) = try await blocking("rewriting the AppArmor profile \(path)", within: .seconds(10)) {
            try takeOut(images)
        }
        guard count > 0 else { return 0 }
        do {
            try await load(by: parser)
        } catch {
            try? await blocking("putting the AppArmor profile back", within: .seconds(10)) { try write(old) }
            throw error
        }
        return count
    }

    private func takeOut(_ images: [String]) throws -> (old: [UInt8], count: Int) {
        let meant = images.map { (path: $0, identity: ImageIdentity($0)) }
        // libvirt may write it at the same time, for a device that is plugged in.
        for _ in 1...3 {
            let old = try content()
            let rows = old.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            let kept = rows.filter { row in
                guard let denied = Self.deniedImage(String(decoding: row, as: UTF8.self)) else { return true }
                // virt-aa-helper writes paths without symbolic links: /dev/zd0 for /dev/zvol/tank/web.
                return !meant.contains { image in
                    image.path == denied || image.identity != nil && image.identity == ImageIdentity(denied)
                }
            }
            guard kept.count < rows.count else { return (old, 0) }
            let new = Array(kept.joined(separator: [UInt8(ascii: "\n")]))
            guard try content() == old else { continue }
            try write(new)
            return (old, rows.count - kept.count)
        }
        throw failure("\(lines) keeps changing")
    }

    /// The path of a line such as `deny "/tank/web.raw" w,`.
    static func deniedImage(_ line: String) -> String? {
        let words = line.drop { $0 == " " || $0 == "\t" }
        guard words.hasPrefix("deny \""), let end = words.lastIndex(of: "\"") else { return nil }
        let path = words[..<end].dropFirst("deny \"".count)
        let rights = words[words.index(after: end)...]
        return rights.contains("w") && path.hasPrefix("/") ? String(path) : nil
    }

    private func content() throws -> [UInt8] {
        do {
            return try Folder(folder).content(of: lines, limit: Self.longest)
        } catch {
            throw failure("\(lines) cannot be read", error)
        }
    }

    private func write(_ text: [UInt8]) throws {
        do {
            let folder = try Folder(self.folder)
            let mode = try folder.status(of: lines).st_mode & 0o777
            let new = lines + ".stillpoint"
            let file = try folder.newFile(new)
            try file.closeAfter {
                _ = try file.writeAll(text)
                guard fchmod(file.rawValue, mode) == 0 else { throw Errno(rawValue: errno) }
            }
            try folder.rename(new, to: lines)
        } catch {
            throw failure("\(lines) cannot be written", error)
        }
    }

    private func load(by parser: String?) async throws {
        guard let parser else { throw failure("apparmor_parser is not there") }
        let outcome: ChildProcess.Outcome
        do throws(ChildProcess.Failure) {
            outcome = try await ChildProcess.run(parser, ["-r", path], within: .seconds(30))
        } catch {
            throw failure("apparmor_parser -r \(path)", error)
        }
        guard outcome.exitStatus == 0 else {
            throw failure("apparmor_parser -r \(path): \(outcome.firstErrorLine ?? "no reason given")")
        }
    }

    private func failure(_ what: String, _ cause: (any Error)? = nil) -> HypervisorError {
        HypervisorError(.callFailed, what, remedy: .stop, cause: cause)
    }
}

extension AppArmorProfile {
    /// 9000000 as `9.0.0`.
    static func text(_ version: UInt) -> String {
        "\(version / 1_000_000).\(version / 1000 % 1000).\(version % 1000)"
    }

    /// What an administrator can do.
    /// - Parameter version: libvirt's; nil: it did not say.
    func wayOut(_ machine: String, _ base: String, libvirt version: UInt?) -> String {
        let libvirt = version.map { "libvirt \(Self.text($0))" } ?? "this libvirt"
        return
            "its AppArmor profile \(path) denies it: \(libvirt), as all before 12.1.0, writes that for a VM that was "
            + "started on its overlay, or has a device changed there; "
            + "shut \(machine) down, then: stillpoint recover; or while it runs: delete the line 'deny \"\(base)\" w,' "
            + "from \(path).files, then: apparmor_parser -r \(shellQuoted(path)) && stillpoint recover"
    }
}
