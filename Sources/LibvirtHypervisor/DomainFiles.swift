internal import Glibc
internal import Hypervisor
internal import Storage
internal import SystemPackage
internal import XMLTree

/// The files of this host that belong to a domain and are no disks: UEFI variables and the state of an emulated TPM.
struct DomainFiles: Sendable {
    /// Where libvirt keeps a folder of TPM state for each UUID.
    var tpmRoot = "/var/lib/libvirt/swtpm"

    private static let variables = "nvram"
    private static let tpm = "swtpm/"

    /// Those that are there.
    /// - Parameter domain: the live XML where it runs; the other may lack the path of the variables.
    func list(for domain: XMLElement) -> [KeptFile] {
        var files: [KeptFile] = []
        if let path = Self.variablesPath(of: domain), isRegularFile(path) {
            files.append(KeptFile(name: Self.variables, path: path))
        }
        if Self.hasEmulatedTPM(domain), let uuid = domain.first("uuid")?.text {
            let folder = "\(tpmRoot)/\(uuid)"
            files += regularFiles(below: folder).map { KeptFile(name: Self.tpm + $0, path: "\(folder)/\($0)") }
        }
        return files
    }

    /// Where each kept file of a domain belongs.
    /// - Parameter original: the domain it was kept of; its files say who must own the new ones.
    /// - Throws: HypervisorError for a name that this back end did not give.
    func placements(of files: [KeptFile], for domain: XMLElement, original: XMLElement) throws -> [FilePlacement] {
        try files.map { file in
            let place: (XMLElement) -> String? = { domain in
                if file.name == Self.variables { return Self.variablesPath(of: domain) }
                guard let path = relativeTPMPath(file.name), let uuid = domain.first("uuid")?.text else { return nil }
                return "\(tpmRoot)/\(uuid)/\(path)"
            }
            guard let destination = place(domain) else {
                throw HypervisorError(
                    .callFailed, "the definition has no place for the kept file \(file.name) (\(file.path))",
                    remedy: .stop)
            }
            return FilePlacement(from: file.path, to: destination, original: place(original))
        }
    }

    /// The part of a kept file's name below the domain's folder; nil where it would lead out of that.
    private func relativeTPMPath(_ name: String) -> Substring? {
        guard name.hasPrefix(Self.tpm) else { return nil }
        let path = name.dropFirst(Self.tpm.count)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.contains { ["", ".", ".."].contains($0) } ? nil : path
    }

    private static func variablesPath(of domain: XMLElement) -> String? {
        guard let variables = domain.first("os", "nvram") else { return nil }
        let path = variables.text.isEmpty ? variables.first("source")?["file"] : variables.text
        return path.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }

    private static func hasEmulatedTPM(_ domain: XMLElement) -> Bool {
        let tpms = domain.first("devices")?.children(named: "tpm") ?? []
        return tpms.contains { $0.first("backend")?["type"] == "emulator" }
    }

    private func isRegularFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Relative paths, sorted; links are not followed.
    private func regularFiles(below folder: String) -> [String] {
        FileAccess.names(in: folder).flatMap { name -> [String] in
            var status = stat()
            guard lstat("\(folder)/\(name)", &status) == 0 else { return [] }
            switch status.st_mode & S_IFMT {
            case S_IFREG: return [name]
            case S_IFDIR: return regularFiles(below: "\(folder)/\(name)").map { "\(name)/\($0)" }
            default: return []
            }
        }
    }
}
