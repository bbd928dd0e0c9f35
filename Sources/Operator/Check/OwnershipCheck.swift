internal import Configuration
internal import Engine
internal import Glibc
internal import Hypervisor
internal import Support

/// Files that nobody but root may change: our programs, and those with passwords. Who reads stillpoint.conf and sanoid.conf
/// judges them itself.
struct OwnershipCheck: CheckTheme {
    private static let programs = ["pre-snapshot", "post-snapshot", "prune-snapshot", "stillpoint"]

    let site: CheckedSite
    /// Where our programs are.
    let folder: String
    var subject: String { "the programs" }

    func findings() async throws -> [Finding] {
        let passwords = site.configuration.hypervisors.compactMap { settings in
            settings.login?.passwordFile.map { (name: settings.name, path: $0) }
        }
        return try await blocking("checking whose the programs are", within: .seconds(30)) {
            let programs = Self.programs.map { "\(folder)/\($0)" }.filter(fileExists)
                .compactMap { Self.finding($0, "") }
            return programs + passwords.compactMap { Self.finding($0.path, "[hypervisor \(printable($0.name))]: ") }
        }
    }

    static func finding(_ path: String, _ place: String) -> Finding? {
        do {
            try TrustedPath.requireFile(path)
            return nil
        } catch let problem as UntrustedPathError {
            return Finding(.fileUntrusted, place + problem.problem, fix: problem.command)
        } catch {
            // Who needs it says so.
            return nil
        }
    }
}
