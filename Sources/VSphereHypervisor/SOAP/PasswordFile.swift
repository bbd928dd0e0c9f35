internal import Hypervisor
internal import Support

/// Where a section's password comes from.
struct PasswordFile: Sendable {
    private let file: SecretFile

    /// The file that `password_file` names, or else the systemd credential that is named after the section.
    /// - Throws: HypervisorError `.misconfigured` where there is neither.
    init(_ login: ServerLogin, section: String, environment: [String: String]) throws(HypervisorError) {
        if let path = login.passwordFile {
            file = SecretFile(path)
        } else if let folder = environment["CREDENTIALS_DIRECTORY"], !folder.isEmpty {
            file = SecretFile("\(folder)/\(section)", isCredential: true)
        } else {
            throw HypervisorError(
                .misconfigured,
                "[hypervisor \(section)] has no password: set password_file to a file that only root can "
                    + "read, or give the unit the credential \(section) (LoadCredential=)",
                remedy: .stop)
        }
    }

    /// The password, without the newline at its end.
    /// - Throws: HypervisorError `.misconfigured` where it cannot be read, or others could read it.
    func read() throws(HypervisorError) -> Secret {
        do throws(SecretFile.Refusal) {
            return try file.read()
        } catch {
            throw HypervisorError(.misconfigured, "\(error)", remedy: .stop)
        }
    }
}
