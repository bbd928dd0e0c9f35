internal import Hypervisor
internal import Support

extension KeyType<PathMap> {
    /// `THEIRS=OURS`, one a line.
    static var pathMap: Self {
        Self(
            summary: .text("`THEIRS=OURS`, absolute paths"),
            parse: { text throws(BadValue) in
                // A path may hold an equals sign, and a blank beside it.
                let signs = text.indices.filter { text[$0] == "=" && text[$0...].dropFirst().trimmed().hasPrefix("/") }
                guard let sign = signs.first, signs.count == 1 else {
                    throw BadValue(
                        wanted: signs.isEmpty
                            ? "must be THEIRS=OURS, both absolute paths, such as /mnt/vmstore=/tank/VM"
                            : "has several places where OURS may begin (=/); use a path without them")
                }
                let theirs = try KeyType<String>.plainPath.parse(text[..<sign].trimmed())
                let ours = try KeyType<String>.plainPath.parse(text[sign...].dropFirst().trimmed())
                return PathMap([PathMap.Line(theirs: theirs, ours: ours)])
            },
            add: { new, all throws(BadValue) in
                for line in new.lines {
                    if let conflict = all.conflict(with: line) {
                        throw BadValue(
                            wanted: "overlaps with the line 'path_map = \(printable("\(conflict.line)", limit: 400))' "
                                + "(\(conflict.reason)); keep one of the two, or name separate folders")
                    }
                    all.lines.append(line)
                }
            })
    }
}

extension KeyType<String> {
    /// An absolute path of named parts alone, read without a slash at its end.
    static var plainPath: Self {
        Self(
            summary: .text("absolute path"),
            parse: { text throws(BadValue) in
                let path = try KeyType<String>.path.parse(text)
                let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
                guard !parts.contains(where: { ["", ".", ".."].contains($0) }) else {
                    throw BadValue(
                        wanted: "must be an absolute path to a folder or a device, without '.', '..' and '//' in it")
                }
                return path
            })
    }
}
