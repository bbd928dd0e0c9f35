import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Support

@Suite("A copy of a file")
struct FileCopyTests {
    /// How the kernel copies a range.
    enum Kernel: Sendable, CaseIterable {
        case itself, short, interrupted, otherDevice, unaligned, unknown, unsupported, forbidden, busy, ended

        private var problem: Int32? {
            switch self {
            case .itself, .short, .interrupted, .ended: nil
            case .otherDevice: EXDEV
            case .unaligned: EINVAL
            case .unknown: ENOSYS
            case .unsupported: EOPNOTSUPP
            case .forbidden: EPERM
            case .busy: EAGAIN
            }
        }

        func apply(to copy: inout FileCopy) {
            let real = copy.copyRange
            let problem = problem
            var calls = 0
            switch self {
            case .itself: break
            case .short: copy.copyRange = { real($0, $1, $2, min($3, 300_007)) }
            case .interrupted:
                copy.copyRange = {
                    calls += 1
                    guard calls % 2 == 0 else {
                        errno = EINTR
                        return -1
                    }
                    return real($0, $1, $2, $3)
                }
            case .ended: copy.copyRange = { _, _, _, _ in 0 }
            default:
                // The first range is copied, and the next not any more.
                copy.copyRange = {
                    calls += 1
                    guard calls > 1 else { return real($0, $1, $2, min($3, 4096)) }
                    errno = problem ?? 0
                    return -1
                }
            }
        }
    }

    private static let (mebi, size) = (1 << 20, (9 << 20) + 77)

    /// Data, a hole, data, a hole to the end.
    private func source(in scratch: ScratchFolder) throws -> FileDescriptor {
        let file = try open(scratch, "source")
        let data = (0..<Self.mebi).map { UInt8(truncatingIfNeeded: $0 % 251) }
        try file.writeAll(toAbsoluteOffset: 0, data)
        try file.writeAll(toAbsoluteOffset: Int64(4 * Self.mebi), data)
        #expect(ftruncate(file.rawValue, Self.size) == 0)
        return file
    }

    private func open(_ scratch: ScratchFolder, _ name: String) throws -> FileDescriptor {
        try FileDescriptor.open(
            FilePath("\(scratch.path)/\(name)"), .readWrite, options: [.create, .closeOnExec],
            permissions: .ownerReadWrite)
    }

    @Test("has the same bytes, and holes where the other has them", arguments: Kernel.allCases)
    func content(kernel: Kernel) throws {
        try withScratchFolder { scratch in
            let (source, target) = (try source(in: scratch), try open(scratch, "target"))
            defer { for file in [source, target] { try? file.close() } }
            var copy = try FileCopy(of: source, to: target)
            kernel.apply(to: &copy)
            var told: [UInt64] = []
            try copy.make { done, total in
                #expect(total == UInt64(Self.size))
                told.append(done)
            }
            #expect(try target.content(limit: .max) == source.content(limit: .max))
            #expect(try target.status().st_size == Self.size)
            // Two of data, with what the file system needs for itself.
            #expect(try target.status().st_blocks * 512 < 3 * Self.mebi)
            #expect(told == told.sorted())
            #expect(told.last == UInt64(Self.size))
        }
    }

    @Test("of an empty file, and of one that is all hole, has its length", arguments: [0, 5 << 20])
    func hole(size: Int) throws {
        try withScratchFolder { scratch in
            let (source, target) = (try open(scratch, "source"), try open(scratch, "target"))
            defer { for file in [source, target] { try? file.close() } }
            try #require(ftruncate(source.rawValue, size) == 0)
            try FileCopy(of: source, to: target).make()
            #expect(try target.status().st_size == size)
            #expect(try target.status().st_blocks == 0)
        }
    }

    @Test("of a file that is longer than it may be is not begun")
    func limit() throws {
        try withScratchFolder { scratch in
            let (source, target) = (try source(in: scratch), try open(scratch, "target"))
            defer { for file in [source, target] { try? file.close() } }
            #expect(throws: Errno.fileTooLarge) { try FileCopy(of: source, to: target, limit: Self.size - 1) }
            try FileCopy(of: source, to: target, limit: Self.size).make()
            #expect(try target.status().st_size == Self.size)
        }
    }

    @Test("leaves out what the other grows by meanwhile")
    func growing() throws {
        try withScratchFolder { scratch in
            let (source, target) = (try source(in: scratch), try open(scratch, "target"))
            defer { for file in [source, target] { try? file.close() } }
            let copy = try FileCopy(of: source, to: target)
            try source.writeAll(toAbsoluteOffset: Int64(Self.size), Array("more".utf8))
            try copy.make()
            #expect(try target.status().st_size == Self.size)
        }
    }

    @Test("fails where there is no room")
    func full() throws {
        try withScratchFolder { scratch in
            let source = try source(in: scratch)
            // Every write to it fails with ENOSPC (full(4)), and no range is copied to it.
            let target = try FileDescriptor.open("/dev/full", .writeOnly)
            defer { for file in [source, target] { try? file.close() } }
            let copy = try FileCopy(of: source, to: target)
            #expect(throws: Errno.noSpace) { try copy.make() }
        }
    }
}
