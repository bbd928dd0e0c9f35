/// The text of a small file, which must not be a symbolic link.
public func smallText(at path: String) throws -> String {
    String(decoding: try FileAccess.read(path, limit: 16 << 20, followingLinks: false), as: UTF8.self)
}
