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
            uri = try reader.string(.uri) ?? uri
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
        guard url.hasPrefix("https://"), url.utf8.count > 8 else { throw bad(.url, wanted) }
        return url
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
