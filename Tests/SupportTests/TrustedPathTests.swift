import Glibc
import Support
import SystemPackage
import TestSupport
import Testing

@Suite("A path that only root can change")
struct TrustedPathTests {
    /// What somebody else may change, and what the message then says.
    enum Fault: CaseIterable {
        case none, writableByAll, writableByGroup, strangersFile, strangersFolder, folderOfGroup, folderOfAll, sticky
        case rootsLink, linkInSticky, strangersLinkInSticky, linkInStrangersFolder, strangersTarget

        var text: String? {
            switch self {
            case .none, .sticky, .rootsLink, .linkInSticky: nil
            case .writableByAll: "others may write to PATH/in/file (mode 666); run: chmod go-w PATH/in/file"
            case .writableByGroup: "others may write to PATH/in/file (mode 620); run: chmod go-w PATH/in/file"
            case .strangersFile: "PATH/in/file belongs to the user 12345 and not to root; run: chown root PATH/in/file"
            case .strangersFolder: "PATH/in belongs to the user 12345 and not to root; run: chown root PATH/in"
            case .folderOfGroup: "others may write to PATH/in (mode 775); run: chmod go-w PATH/in"
            case .folderOfAll: "others may write to PATH/in (mode 777); run: chmod go-w PATH/in"
            case .strangersLinkInSticky: ""
            case .linkInStrangersFolder: "PATH/theirs belongs to the user 12345"
            case .strangersTarget: "PATH/theirs/file belongs to the user 12345"
            }
        }

        /// Makes it and gives the path to ask about.
        func make(_ scratch: ScratchFolder) throws -> String {
            let file = try scratch.write("in/file", "x", mode: 0o600)
            let folder = scratch.path + "/in"
            let link = folder + "/link"
            switch self {
            case .none: break
            case .writableByAll: chmod(file, 0o666)
            case .writableByGroup: chmod(file, 0o620)
            case .strangersFile: try scratch.giveAway("in/file")
            case .strangersFolder: try scratch.giveAway("in")
            case .folderOfGroup: chmod(folder, 0o775)
            case .folderOfAll: chmod(folder, 0o777)
            case .sticky: chmod(folder, 0o1777)
            case .rootsLink, .linkInSticky, .strangersLinkInSticky:
                try scratch.link("in/link", to: "file")
                if self != .rootsLink { chmod(folder, 0o1777) }
                if self == .strangersLinkInSticky { try scratch.giveAway("in/link") }
                return link
            case .linkInStrangersFolder:
                try scratch.link("theirs/link", to: file)
                try scratch.giveAway("theirs")
                return scratch.path + "/theirs/link"
            case .strangersTarget:
                try scratch.write("theirs/file", "x", mode: 0o600)
                try scratch.giveAway("theirs/file")
                try scratch.link("in/link", to: "../theirs/file")
                return link
            }
            return file
        }
    }

    @Test(arguments: Fault.allCases)
    func `is told from one that others can change`(fault: Fault) throws {
        try withScratchFolder { scratch in
            let path = try fault.make(scratch)
            guard let text = fault.text else {
                try TrustedPath.requireFile(path)
                return
            }
            let error = #expect(throws: (any Error).self) { try TrustedPath.requireFile(path) }
            let expected = text.split(separator: "PATH", omittingEmptySubsequences: false).joined(
                separator: scratch.path)
            #expect("\(try #require(error))".hasPrefix(expected), "\(String(describing: error))")
        }
    }

    @Test(arguments: [(0o755, true), (0o700, true), (0o711, true), (0o775, false), (0o1777, false)])
    func `to a folder may have its modes`(mode: mode_t, isGood: Bool) throws {
        try withScratchFolder { scratch in
            let folder = try scratch.folder("in")
            chmod(folder, mode)
            if isGood {
                try TrustedPath.requireFolder(folder)
            } else {
                let error = #expect(throws: UntrustedPathError.self) { try TrustedPath.requireFolder(folder) }
                #expect(error?.path == folder)
            }
        }
    }

    @Test(arguments: ["fifo", "in", "link"])
    func `has content only where a regular file itself is there`(name: String) throws {
        try withScratchFolder { scratch in
            try scratch.write("in/file", "x", mode: 0o600)
            try scratch.link("link", to: "in/file")
            mkfifo(scratch.path + "/fifo", 0o600)
            #expect(try TrustedPath.content(of: scratch.path + "/in/file", limit: 9) == Array("x".utf8))
            #expect(throws: Errno.self) { try TrustedPath.content(of: "\(scratch.path)/\(name)", limit: 9) }
        }
    }
}
