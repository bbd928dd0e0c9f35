internal import CLinux
import Glibc
internal import SystemPackage

/// What a program may reach that reads files which others wrote: the files that are named here, its own libraries, and
/// nothing else, where the kernel has Landlock. It gets no privileges, leaves no core dump, and ends where it takes too
/// much of memory, time or storage.
public struct Confinement: Sendable {
    /// A file that the program gets as a descriptor, whatever its path leads to by then.
    public struct Grant: Sendable {
        /// The file.
        public let file: any OpenFile
        /// It may be written to.
        public let isWritable: Bool

        /// Reading, or writing as well.
        public init(_ file: any OpenFile, isWritable: Bool = false) {
            self.file = file
            self.isWritable = isWritable
        }
    }

    /// In bytes. A program that writes 2 TiB, sparse, takes 0.6 GB of address space.
    static let memory: UInt64 = 4 << 30

    let grants: [Grant]
    /// Seconds of processor time.
    let processorTime: UInt64
    /// Bytes of any file that it writes to.
    let fileSize: UInt64

    /// - Parameters:
    ///   - limit: how long the program may take; it has several threads.
    ///   - fileSize: the length in bytes that a file may get.
    public init(_ grants: [Grant], within limit: Duration, fileSize: UInt64) {
        self.grants = grants
        processorTime = UInt64(clamping: max(limit.components.seconds, 1)) * 4
        self.fileSize = fileSize
    }

    /// Whether this kernel keeps programs from all files but those that are named to it.
    public static var isComplete: Bool { stillpoint_landlock_version() > 0 }

    /// Where programs have their libraries, with what tells where they are.
    private static let libraries = [
        "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/nix/store", "/gnu/store", "/dev/urandom",
    ]

    /// Starts a program by its absolute path.
    /// - Throws: the system's error number.
    func start(
        _ program: String, _ arguments: [String], _ environment: [String: String], output: Int32, error: Int32
    ) throws(Errno) -> Int32 {
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard null >= 0 else { throw Errno(rawValue: errno) }
        defer { close(null) }
        let ruleset = try ruleset(for: program)
        defer { if ruleset >= 0 { close(ruleset) } }
        let words = arguments.map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + variables { free(text) } }
        let kept = grants.map(\.file.descriptor)
        var process = pid_t()
        var status = ETXTBSY
        // Somebody may be writing the program: it is being installed.
        for attempt in 0..<20 where status == ETXTBSY {
            if attempt > 0 { usleep(10_000) }
            status = kept.withUnsafeBufferPointer { kept in
                var confinement = stillpoint_confinement(
                    ruleset: ruleset, memory: Self.memory, seconds: processorTime, file_size: fileSize,
                    kept: kept.baseAddress, kept_count: UInt32(kept.count))
                return stillpoint_start_confined(
                    &process, program, words, variables, null, output, error, &confinement)
            }
        }
        guard status == 0 else { throw Errno(rawValue: status) }
        return process
    }

    /// - Returns: -1 where the kernel has no Landlock.
    private func ruleset(for program: String) throws(Errno) -> Int32 {
        guard Self.isComplete else { return -1 }
        let ruleset = stillpoint_landlock_ruleset()
        guard ruleset >= 0 else { throw Errno(rawValue: errno) }
        do throws(Errno) {
            for path in Self.libraries + [Self.home(of: program)] { try Self.allow(path, in: ruleset) }
            try Self.allow("/dev/null", in: ruleset, isWritable: true)
            for grant in grants {
                guard stillpoint_landlock_allow(ruleset, grant.file.descriptor, grant.isWritable ? 1 : 0) == 0 else {
                    throw Errno(rawValue: errno)
                }
            }
        } catch {
            close(ruleset)
            throw error
        }
        return ruleset
    }

    /// `/opt/tools` for `/opt/tools/bin/tool`: it has its libraries there. The program's folder where that is all.
    private static func home(of program: String) -> String {
        let folder = FileAccess.parent((try? FileAccess.realPath(program)) ?? program)
        let above = FileAccess.parent(folder)
        return above == "/" ? folder : above
    }

    /// What is not there needs no right.
    private static func allow(_ path: String, in ruleset: Int32, isWritable: Bool = false) throws(Errno) {
        let descriptor = open(path, openPathOnly | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard stillpoint_landlock_allow(ruleset, descriptor, isWritable ? 1 : 0) == 0 else {
            throw Errno(rawValue: errno)
        }
    }
}
