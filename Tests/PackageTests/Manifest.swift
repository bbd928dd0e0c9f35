import TestSupport

/// What Package.swift says of the libraries and programs in `Sources`.
struct Manifest {
    /// The package's folder.
    static let folder = ScratchFolder(path: "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/"))

    /// Each target with those of the package's others that it depends on.
    let dependencies: [String: Set<String>]

    init() throws {
        let text = try Self.text("Package.swift")
        let ofPrograms = text.firstMatch(of: /executableTarget\(\s*name: name,\s*dependencies: \[([^\]]*)\]/)?.1
        var found: [String: Set<String>] = [:]
        for match in text.matches(of: /\b(library|program)\(\s*"([^"]+)"(?:,\s*\[([^\]]*)\])?/) {
            let own = Self.names(in: match.3 ?? "")
            found[String(match.2)] = match.1 == "program" ? own.union(Self.names(in: ofPrograms ?? "")) : own
        }
        for match in text.matches(of: /\.target\(\s*name: "([^"]+)"(?:,\s*dependencies: \[([^\]]*)\])?/) {
            found[String(match.1)] = Self.names(in: match.2 ?? "")
        }
        for support in ["TestSupport", "HostFixtures"] { found[support] = nil }
        // Without the products of other packages.
        dependencies = found.mapValues { $0.intersection(found.keys) }
    }

    private static func names(in list: Substring) -> Set<String> {
        Set(list.matches(of: /"([^"]+)"/).map { String($0.1) })
    }

    /// A file of the package.
    static func text(_ path: String) throws -> String {
        String(decoding: try readFile("\(folder.path)/\(path)"), as: UTF8.self)
    }

    /// The Swift files in a folder of the package and below.
    static func swiftFiles(in path: String) throws -> [String] {
        try folder.names(in: path).flatMap { name in
            if name.hasSuffix(".swift") { return ["\(path)/\(name)"] }
            return name.contains(".") ? [] : try swiftFiles(in: "\(path)/\(name)")
        }
    }
}
