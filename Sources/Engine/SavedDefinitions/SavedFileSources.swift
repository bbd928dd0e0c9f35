internal import Glibc
internal import Hypervisor
internal import Support
internal import SystemPackage

/// The files to keep of a VM, each opened once: what is compared with an earlier copy and what is copied is the same file,
/// whatever its name leads to by then.
///
/// They are QEMU's and swtpm's user's to change. What is no regular file with one name, or too large, is not kept, and a
/// freeze does not wait for it.
final class SavedFileSources: Sendable {
    struct Source: Sendable {
        let name: String
        let file: FileDescriptor
        let size: Int
    }

    let files: [Source]
    /// Why those that are missing are, in words.
    let problems: [String]

    init(_ wanted: [SavedFile]) {
        var (files, problems): ([Source], [String]) = ([], [])
        var left = SavedFile.mostBytesOfAll
        if wanted.count > SavedFile.mostFiles {
            problems.append("its files are not in the snapshot: there are more than \(SavedFile.mostFiles)")
        } else {
            for file in wanted {
                do throws(SavedFileRefusal) {
                    let source = try Self.open(file, within: left)
                    left -= source.size
                    files.append(source)
                } catch {
                    problems.append("its file \(printable(file.path, limit: 300)) is not in the snapshot: \(error)")
                }
            }
        }
        self.files = files
        self.problems = problems
    }

    deinit {
        for source in files { try? source.file.close() }
    }

    private static func open(_ wanted: SavedFile, within left: Int) throws(SavedFileRefusal) -> Source {
        let file: FileDescriptor
        do throws(Errno) {
            guard let name = RelativePath(wanted.name), name.parts.count <= SavedFile.mostLevels else {
                throw .fileNameTooLong
            }
            file = try Folder(reaching: FileAccess.parent(wanted.path)).file(FileAccess.lastComponent(wanted.path))
        } catch {
            throw SavedFileRefusal(error)
        }
        do throws(SavedFileRefusal) {
            let size = try size(of: file, within: left)
            return Source(name: wanted.name, file: file, size: size)
        } catch {
            try? file.close()
            throw error
        }
    }

    private static func size(of file: FileDescriptor, within left: Int) throws(SavedFileRefusal) -> Int {
        guard let status = try? file.status() else { throw SavedFileRefusal(.ioError) }
        // A second name may be that of somebody else's file.
        guard status.st_nlink == 1 else {
            throw SavedFileRefusal(description: "it has \(status.st_nlink) names and may have one")
        }
        let most = min(SavedFile.mostBytes, left)
        guard status.st_size <= most else {
            throw SavedFileRefusal(description: "it has \(status.st_size) bytes, and at most \(most) are saved")
        }
        return Int(status.st_size)
    }
}

/// Why a file is not kept.
struct SavedFileRefusal: Error, CustomStringConvertible {
    let description: String

    init(description: String) { self.description = description }

    init(_ problem: Errno) {
        description =
            switch problem {
            case .tooManySymbolicLinkLevels: "there is a symbolic link in its place, or on the way to it"
            case .invalidArgument: "it is no regular file"
            case .fileNameTooLong: "it is too deep"
            default: "\(problem)"
            }
    }
}
