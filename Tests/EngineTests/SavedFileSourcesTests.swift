import Glibc
import Hypervisor
import Support
import TestSupport
import Testing

@testable import Engine

@Suite("The files to keep of a VM")
struct SavedFileSourcesTests {
    /// What lies in the place of a file, or too much of it, and what is then said.
    enum Fault: CaseIterable {
        case link, zeros, fifo, folder, large, hardLink, foreignFolderLink, deep, many, together, outside

        var reason: String {
            switch self {
            case .link, .zeros, .foreignFolderLink: "there is a symbolic link in its place, or on the way to it"
            case .fifo, .folder: "it is no regular file"
            case .large: "it has 3221225472 bytes, and at most 67108864 are saved"
            case .hardLink: "it has 2 names and may have one"
            case .deep, .outside: "it is too deep"
            case .many: "there are more than 64"
            case .together: "it has 67108864 bytes, and at most"
            }
        }

        func make(_ scratch: ScratchFolder) throws -> [SavedFile] {
            let path = try scratch.folder("qemu") + "/file"
            let named = { (name: String) in [SavedFile(name: name, path: path)] }
            switch self {
            case .link: try scratch.link("qemu/file", to: scratch.path + "/shadow")
            case .zeros: try scratch.link("qemu/file", to: "/dev/zero")
            case .fifo: try #require(mkfifo(path, 0o600) == 0)
            case .folder: try scratch.folder("qemu/file")
            case .large: try sparse("qemu/file", 3 << 30, scratch)
            case .hardLink: try #require(Glibc.link(scratch.path + "/shadow", path) == 0)
            case .foreignFolderLink:
                try scratch.write("real/file", "")
                try scratch.link("qemu/folder", to: scratch.path + "/real")
                return [SavedFile(name: "nvram", path: scratch.path + "/qemu/folder/file")]
            case .deep, .outside: try scratch.write("qemu/file", "")
            case .many:
                try scratch.write("qemu/file", "")
                return (0...SavedFile.mostFiles).map { SavedFile(name: "swtpm/\($0)", path: path) }
            case .together:
                return try (0..<3).map { index in
                    try sparse("qemu/\(index)", index == 2 ? 64 << 20 : (64 << 20) - 1, scratch)
                    return SavedFile(name: "swtpm/\(index)", path: "\(scratch.path)/qemu/\(index)")
                }
            }
            return named(self == .deep ? "swtpm/a/b/c/d/e" : self == .outside ? "swtpm/../../x" : "nvram")
        }

        private func sparse(_ name: String, _ size: Int, _ scratch: ScratchFolder) throws {
            let path = try scratch.write(name, "")
            try #require(truncate(path, size) == 0)
        }
    }

    @Test("are small regular files with one name, and what is none is refused at once", arguments: Fault.allCases)
    func refused(fault: Fault) throws {
        try withScratchFolder { scratch in
            try scratch.write("shadow", "root's", mode: 0o600)
            let wanted = try fault.make(scratch)
            try scratch.giveAway("qemu")
            var times: [Duration] = []
            for _ in 0..<3 {
                times.append(
                    ContinuousClock().measure {
                        let sources = SavedFileSources(wanted)
                        #expect(sources.files.count == (fault == .together ? 2 : 0))
                        #expect(sources.problems.count == 1)
                        #expect(sources.problems.first?.contains(fault.reason) == true, "\(sources.problems)")
                    })
            }
            #expect(times.min() ?? .seconds(1) < .milliseconds(100))
        }
    }

    @Test("are those that were opened, whatever is done to their names then")
    func opened() throws {
        try withScratchFolder { scratch in
            let path = try scratch.write("qemu/file", "variables")
            try scratch.giveAway("qemu")
            let sources = SavedFileSources([SavedFile(name: "nvram", path: path)])
            #expect(sources.problems.isEmpty)
            try #require(unlink(path) == 0)
            try scratch.link("qemu/file", to: "/dev/zero")
            #expect(try sources.files.first?.file.content(limit: 100) == Array("variables".utf8))
        }
    }
}
