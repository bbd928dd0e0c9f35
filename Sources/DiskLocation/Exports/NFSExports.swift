internal import Support

/// The folders that the kernel's NFS server exports: by `/var/lib/nfs/etab`, exportfs(8)'s table of what it has exported, by
/// whatever it was told to; where that has none, as on a host whose server is not running, by exports(5): `/etc/exports`
/// and `/etc/exports.d/*.exports`, where OpenZFS's `sharenfs` writes too.
struct NFSExports: Sendable, Equatable {
    /// The exported folders.
    private(set) var folders: Set<String> = []
    /// The folder that NFS 4 clients see as `/` (`fsid=0`), where one is set; else they see the whole tree.
    private(set) var pseudoRoot: String?

    /// Reads the files below `root`; what is missing is not exported.
    init(root: String = "") {
        add(file: root + "/var/lib/nfs/etab")
        guard folders.isEmpty else { return }
        let etc = root + "/etc"
        let extra = FileAccess.names(in: etc + "/exports.d").filter { $0.hasSuffix(".exports") && !$0.hasPrefix(".") }
        for file in [etc + "/exports"] + extra.map({ etc + "/exports.d/" + $0 }) { add(file: file) }
    }

    /// The folders here that a client's path may mean.
    ///
    /// NFS 3 names a folder as it is; NFS 4 begins at the pseudo root where there is one. A path does not tell which it
    /// is: of the two the exported one is meant, and both where that does not decide.
    func candidates(for path: String) -> [String] {
        guard let root = pseudoRoot, root != "/" else { return [path] }
        let all = [path, root + path]
        let exported = all.filter { candidate in folders.contains { FileAccess.isPath(candidate, within: $0) } }
        return exported.isEmpty ? all : exported
    }

    private mutating func add(file: String) {
        guard let bytes = try? FileAccess.read(file, limit: 4 << 20) else { return }
        let text = String(decoding: bytes, as: UTF8.self)
        // A backslash at the end of a line joins the next one to it.
        var joined = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            joined += line
            if joined.hasSuffix("\\") {
                joined.removeLast()
            } else {
                add(line: joined)
                joined = ""
            }
        }
        add(line: joined)
    }

    private mutating func add(line: String) {
        var words = Self.words(line)
        guard !words.isEmpty, words[0].hasPrefix("/") else { return }
        let folder = Self.withoutSlash(words.removeFirst())
        folders.insert(folder)
        // `client(options)`, or `-options` that go for the clients after it.
        let options = words.flatMap { $0.drop { $0 == "-" }.split { $0 == "(" || $0 == ")" || $0 == "," } }
        if options.contains(where: { $0 == "fsid=0" || $0 == "fsid=root" }) { pseudoRoot = folder }
    }

    private static func withoutSlash(_ path: String) -> String {
        path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// Words between blanks; a folder with blanks stands in double quotes or has them as `\040`.
    private static func words(_ line: String) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        var isQuoted = false
        var rest = Array(line.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "#") where !isQuoted && word.isEmpty: rest = []
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: " ") where !isQuoted, UInt8(ascii: "\t") where !isQuoted:
                if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
                word = []
            case UInt8(ascii: "\\"): word.append(rest.popOctalEscape() ?? byte)
            default: word.append(byte)
            }
        }
        if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
        return words
    }
}
