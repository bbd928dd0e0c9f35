internal import Glibc
internal import Hypervisor
internal import Support
internal import SystemPackage
internal import XMLTree

/// The files of this host that belong to a domain and are no disks: UEFI variables and the state of an emulated TPM.
struct DomainFiles: Sendable {
    /// Where libvirt keeps a folder of TPM state for each UUID.
    var tpmRoot = "/var/lib/libvirt/swtpm"

    private static let variables = "nvram"
    private static let tpm = "swtpm/"

    /// Those that are there; one that is no regular file too, so that whoever keeps them says so.
    /// - Parameter domain: the live XML where it runs; the other may lack the path of the variables.
    func list(for domain: XMLElement) -> [SavedFile] {
        var files: [SavedFile] = []
        if let path = Self.variablesPath(of: domain), isThere(path) {
            files.append(SavedFile(name: Self.variables, path: path))
        }
        if Self.hasEmulatedTPM(domain), let uuid = domain.first("uuid")?.text {
            let folder = "\(tpmRoot)/\(uuid)"
            var names: [String] = []
            if let top = try? Folder(reaching: folder) { list(top, "", levelsLeft: SavedFile.mostLevels - 1, &names) }
            files += names.map { SavedFile(name: Self.tpm + $0, path: "\(folder)/\($0)") }
        }
        return files
    }

    /// Where each saved file of a domain belongs.
    /// - Parameter original: the domain it was saved of; its files say who must own the new ones.
    /// - Throws: HypervisorError for a name that this back end did not give.
    func placements(of files: [SavedFile], for domain: XMLElement, original: XMLElement) throws -> [FilePlacement] {
        try files.map { file in
            let place: (XMLElement) -> String? = { domain in
                if file.name == Self.variables { return Self.variablesPath(of: domain) }
                guard let path = relativeTPMPath(file.name), let uuid = domain.first("uuid")?.text else { return nil }
                return "\(tpmRoot)/\(uuid)/\(path)"
            }
            guard let destination = place(domain) else {
                throw HypervisorError(
                    .callFailed, "the definition has no place for the saved file \(file.name) (\(file.path))",
                    remedy: .stop)
            }
            return FilePlacement(from: file.path, to: destination, original: place(original))
        }
    }

    /// Whether a domain has a place for a saved file.
    func hasPlace(for file: SavedFile, in domain: XMLElement) -> Bool {
        (try? placements(of: [file], for: domain, original: domain)) != nil
    }

    /// The part of a saved file's name below the domain's folder; nil where it would lead out of that.
    private func relativeTPMPath(_ name: String) -> Substring? {
        guard name.hasPrefix(Self.tpm) else { return nil }
        let path = name.dropFirst(Self.tpm.count)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.contains { ["", ".", ".."].contains($0) } ? nil : path
    }

    /// Whether a domain may have any.
    static func mayBelong(to domain: XMLElement) -> Bool { variablesPath(of: domain) != nil || hasEmulatedTPM(domain) }

    private static func variablesPath(of domain: XMLElement) -> String? {
        guard let variables = domain.first("os", "nvram") else { return nil }
        let path = variables.text.isEmpty ? variables.first("source")?["file"] : variables.text
        return path.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }

    private static func hasEmulatedTPM(_ domain: XMLElement) -> Bool {
        let tpms = domain.first("devices")?.children(named: "tpm") ?? []
        return tpms.contains { $0.first("backend")?["type"] == "emulator" }
    }

    /// Whether something is there, other than a folder. A place that cannot be seen is said to be there as well.
    private func isThere(_ path: String) -> Bool {
        do {
            let kind = try Folder(reaching: FileAccess.parent(path)).kind(of: FileAccess.lastComponent(path))
            return kind.map { $0 != S_IFDIR } ?? false
        } catch {
            return error != .noSuchFileOrDirectory && error != .notDirectory
        }
    }

    /// Adds the relative paths of the files, sorted, and of what is too deep; links are left out. One more than may be kept at
    /// most: that tells that there are too many.
    private func list(_ folder: Folder, _ above: String, levelsLeft: Int, _ names: inout [String]) {
        for name in folder.names {
            guard names.count <= SavedFile.mostFiles else { return }
            switch folder.kind(of: name) {
            case S_IFREG: names.append(above + name)
            case S_IFDIR:
                guard levelsLeft > 1 else {
                    names.append(above + name)
                    continue
                }
                guard let below = try? folder.folder(name) else { continue }
                list(below, "\(above)\(name)/", levelsLeft: levelsLeft - 1, &names)
            default: continue
            }
        }
    }
}
