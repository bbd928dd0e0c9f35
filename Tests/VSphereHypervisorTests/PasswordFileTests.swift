import Hypervisor
import Support
import TestSupport
import Testing

@testable import VSphereHypervisor

@Suite("Password files")
struct PasswordFileTests {
    private func read(_ file: String?, _ environment: [String: String] = [:]) throws -> String {
        let login = ServerLogin(username: "u", passwordFile: file, trust: .system)
        return try PasswordFile(login, section: "vc1", environment: environment).read().reveal()
    }

    @Test(
        "The newline at the end is no part of the password",
        arguments: [
            ("geheim\n", "geheim"), ("geheim", "geheim"), ("a b\r\n", "a b"), (" x \n", " x "), ("a\n\n", "a\n"),
        ])
    func newline(_ text: String, _ password: String) throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        #expect(try read(folder.write("pw", text, mode: 0o600)) == password)
    }

    @Test("A file that others may read or write is refused with its fix", arguments: [0o640, 0o604, 0o620, 0o666])
    func readable(_ mode: UInt32) throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let path = try folder.write("pw", "geheim", mode: mode)
        let error = #expect(throws: HypervisorError.self) { try read(path) }
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("chmod 600 \(path)") == true)
        #expect(error?.message.contains("geheim") == false)
    }

    @Test("What is no regular file with a password in it is refused")
    func noFile() throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        for path in [
            folder.path, folder.path + "/missing", "/dev/null", try folder.write("empty", "\n", mode: 0o600),
            try folder.write("long", String(repeating: "x", count: 5000), mode: 0o600),
        ] {
            let error = #expect(throws: HypervisorError.self) { try read(path) }
            #expect(error?.code == .misconfigured)
        }
    }

    @Test("Without a file it is systemd's credential of the section's name, which the unit's group may read")
    func credential() throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        try folder.write("vc1", "geheim", mode: 0o440)
        #expect(try read(nil, ["CREDENTIALS_DIRECTORY": folder.path]) == "geheim")
        let error = #expect(throws: HypervisorError.self) { try read(nil) }
        #expect(error?.code == .misconfigured)
    }
}
