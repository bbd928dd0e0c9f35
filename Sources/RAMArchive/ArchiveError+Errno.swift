internal import Support
internal import SystemPackage

extension ArchiveError {
    /// A system call that failed on a file to be read.
    init(reading path: String, _ problem: Errno) {
        switch problem {
        case .noSuchFileOrDirectory, .notDirectory:
            self.init(.missing, "\(shown(path)) is not there; find where it was moved to", cause: problem)
        case .tooManySymbolicLinkLevels:
            self.init(.unreadable, "\(shown(path)) is a symbolic link; give the file's own path", cause: problem)
        case .noMemory:
            self.init(.noMemory, "no memory to read \(shown(path)); try again later", cause: problem)
        default:
            self.init(.unreadable, "cannot read \(shown(path)); check its disk and permissions", cause: problem)
        }
    }

    /// A system call that failed on a file to be written, or on its folder.
    init(writing path: String, _ problem: Errno) {
        switch problem {
        case .noSpace, .diskQuotaExceeded:
            self.init(.full, "no room for \(shown(path)); make some, or raise the quota", cause: problem)
        case .fileTooLarge:
            self.init(.full, "\(shown(path)) grows larger than its file system or ulimit -f allows", cause: problem)
        case .fileExists:
            self.init(.exists, "\(shown(path)) is there already; move it away", cause: problem)
        case .noSuchFileOrDirectory, .notDirectory:
            self.init(.unwritable, "there is no folder for \(shown(path)); make or mount it", cause: problem)
        default:
            self.init(.unwritable, "cannot write \(shown(path)); check its disk and permissions", cause: problem)
        }
    }

    /// An archive that is not what its side-car says.
    static func damaged(_ path: String, _ finding: String) -> ArchiveError {
        ArchiveError(.damaged, "\(shown(path)) is damaged, or its side-car is another's: \(finding)")
    }
}

/// A path for a message of one line: a line break would end the line.
func shown(_ path: String) -> String {
    printable(path, limit: 4096)
}
