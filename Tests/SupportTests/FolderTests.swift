import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Support

/// The two ways in which a kernel opens what lies below a folder.
private enum Way: String, CaseIterable, CustomTestStringConvertible {
    case openat2, walk
    var testDescription: String { rawValue }

    func open(_ path: String, in folder: Folder) throws(Errno) {
        let flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC
        close(try self == .walk ? folder.walkedDescriptor(of: path, flags) : folder.descriptor(of: path, flags))
    }
}

@Suite("A folder that is held open")
struct FolderTests {
    private func tree(_ scratch: ScratchFolder) throws -> Folder {
        try scratch.write("in/deep/file", "inside")
        try scratch.write("out/file", "outside")
        symlink("../out", scratch.path + "/in/link")
        symlink(scratch.path + "/out", scratch.path + "/in/absolute")
        symlink("../../out/file", scratch.path + "/in/deep/linked")
        return try Folder(scratch.path + "/in")
    }

    @Test(arguments: Way.allCases)
    fileprivate func `opens what lies below`(_ way: Way) throws {
        let scratch = try ScratchFolder()
        defer { scratch.remove() }
        try way.open("deep/file", in: tree(scratch))
    }

    @Test(arguments: Way.allCases, ["link/file", "absolute/file", "deep/linked", "link", "deep/none", "none/file"])
    fileprivate func `opens nothing through a symbolic link`(_ way: Way, path: String) throws {
        let scratch = try ScratchFolder()
        defer { scratch.remove() }
        let folder = try tree(scratch)
        #expect(throws: Errno.self) { try way.open(path, in: folder) }
    }

    @Test(arguments: Way.allCases)
    fileprivate func `does not enter what is mounted below, unless that was allowed`(_ way: Way) throws {
        #expect(throws: Errno.improperLink) { try way.open("proc/self/stat", in: Folder("/")) }
        #expect(throws: Errno.improperLink) { try way.open("proc/stat", in: Folder("/")) }
        try way.open("proc/stat", in: Folder("/", crossingMounts: true))
    }

    @Test(arguments: ["", "/", "/etc/passwd", "..", ".", "a/..", "../a", "a//b", "a/", "a/./b", "a\0b"])
    func `has no path that leads elsewhere`(text: String) throws {
        #expect(RelativePath(text) == nil)
        let scratch = try ScratchFolder()
        defer { scratch.remove() }
        let folder = try Folder(scratch.path)
        #expect(throws: Errno.invalidArgument) { try folder.file(text) }
    }

    @Test(arguments: [("a", nil, "a"), ("a/b", "a", "b"), ("a/b/c d", "a/b", "c d"), (".a/..b", ".a", "..b")])
    func `has paths with a parent and a name`(text: String, parent: String?, name: String) throws {
        let path = try #require(RelativePath(text))
        #expect(path.parent?.text == parent)
        #expect(path.parts.last == name)
        #expect(path.parts.joined(separator: "/") == text)
    }

    @Test(arguments: ["fifo", "deep"])
    func `reads regular files alone`(name: String) throws {
        let scratch = try ScratchFolder()
        defer { scratch.remove() }
        let folder = try tree(scratch)
        mkfifo(scratch.path + "/in/fifo", 0o600)
        #expect(throws: Errno.self) { try folder.content(of: name, limit: 10) }
    }
}
