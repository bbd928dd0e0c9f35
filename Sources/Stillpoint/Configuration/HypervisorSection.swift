internal import Hypervisor
internal import INIFile
internal import Storage

/// `[hypervisor NAME]`
struct HypervisorSection: Sendable, Equatable {
    var name: String
    var kind = "libvirt"
    var uri = "qemu:///system"
    var login: ServerLogin?
    var storageRules = StorageRules()
    var maxParallel: Int?
    var quiesceAttempts = 2
}

extension HypervisorSection {
    /// Reads a section; which keys it may have depends on its `kind`.
    init(_ section: INIFile.Section, name: String, of file: String, kinds: [String]) throws(ConfigurationError) {
        self.init(name: name)
        let kind = section.entries.last { $0.key == ConfigurationKey.kind.rawValue }?.value ?? kind
        let keys = kind == "vsphere" ? ConfigurationKey.vSphere : ConfigurationKey.libvirt
        let reader = try SectionReader(section, of: file, keys: keys)
        guard kinds.contains(kind) else { throw reader.bad(.kind, "valid: \(kinds.joined(separator: ", "))") }
        self.kind = kind
        maxParallel = try reader.integer(.maxParallel, in: 1...256)
        guard kind == "vsphere" else {
            uri = try reader.libvirtURI() ?? uri
            return
        }
        uri = try reader.url()
        login = ServerLogin(
            username: try reader.required(.username, "the account's name is needed, such as stillpoint@vsphere.local"),
            passwordFile: try reader.path(.passwordFile), trust: try reader.trust())
        maxParallel = maxParallel ?? 32
        quiesceAttempts = try reader.integer(.quiesceAttempts, in: 1...10) ?? quiesceAttempts
        storageRules.datastores = try reader.datasets(.datastore)
        storageRules.luns = Dictionary(
            uniqueKeysWithValues: try reader.datasets(.lun).map { ($0.key.lowercased(), $0.value) })
    }
}

extension SectionReader {
    fileprivate func required(_ key: ConfigurationKey, _ wanted: String) throws(ConfigurationError) -> String {
        guard let value = try string(key) else { throw bad(key, wanted) }
        return value
    }

    fileprivate func url() throws(ConfigurationError) -> String {
        let wanted = "the server's address is needed, such as https://vc1.example.com/sdk"
        let url = try required(.url, wanted)
        // Before anything that would print it.
        guard !url.contains(where: { $0 == "@" || $0 == "?" || $0 == "#" || $0.isWhitespace }) else {
            throw concealing(.url, "must not hold an account, a query or blanks; set username and password_file")
        }
        guard url.hasPrefix("https://"), url.utf8.count > 8 else { throw bad(.url, wanted) }
        return url
    }

    /// A URI goes into messages, and into the state of other programs.
    fileprivate func libvirtURI() throws(ConfigurationError) -> String? {
        guard let uri = try string(.uri) else { return nil }
        guard !hasPassword(uri) else {
            throw concealing(
                .uri, "must not hold a password; take it out, and set up a key or a certificate for the account")
        }
        return uri
    }

    fileprivate func trust() throws(ConfigurationError) -> ServerLogin.Trust {
        let file = try path(.caFile)
        guard let text = try string(.thumbprint) else { return file.map { .certificates(path: $0) } ?? .system }
        guard file == nil else { throw bad(.thumbprint, "stands beside ca_file; keep one of the two") }
        let digits = text.filter { $0 != ":" }.lowercased()
        guard digits.utf8.count == 64, digits.allSatisfy({ $0.isHexDigit && $0.isASCII }) else {
            throw bad(.thumbprint, "must be the certificate's SHA-256, 64 hexadecimal digits, colons allowed")
        }
        return .thumbprint(digits)
    }
}

/// Whether a URI has a password: before the host, or among the parameters behind the question mark.
///
/// In doubt it has: a password may hold what else would end it.
func hasPassword(_ uri: String) -> Bool {
    let scheme = uri.indices.first { uri[$0...].hasPrefix("://") }
    let rest = scheme.map { uri[$0...].dropFirst(3) } ?? uri[...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    if let account = authority.lastIndex(of: "@") {
        if authority[..<account].contains(":") { return true }
    } else if rest.contains("@"), !authority.hasPrefix("["), authority.contains(":") {
        return true
    }
    return uri.lowercased().has("password=")
}
