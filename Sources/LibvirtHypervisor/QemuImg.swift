internal import Hypervisor
internal import Storage
internal import Subprocess
internal import SystemPackage

/// Calls of qemu-img, which takes QEMU's own locks on the images: it fails while a QEMU has them open, and a QEMU fails
/// to start while it works. So no call here may go round the locks (`-U`).
enum QemuImg {
    static let executable: Executable = programPath("qemu-img").map { .path(FilePath($0)) } ?? .name("qemu-img")

    /// Waits for its end, and kills it when that takes longer than `limit`.
    /// - Throws: HypervisorError: remedy `.retry` where an image is in use, or time ran out.
    static func run(_ arguments: [String], about image: String, within limit: Duration) async throws {
        let problem = try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask { try await call(arguments) }
            group.addTask {
                try await Task.sleep(for: limit)
                throw HypervisorError(
                    .timedOut, "qemu-img \(arguments[0]) of \(image) took longer than \(limit.inSeconds)",
                    remedy: .retry)
            }
            // Cancelling kills it: its teardown sequence runs before the task ends.
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        guard let problem else { return }
        if problem.isLock {
            throw HypervisorError(.changed, "\(image) is in use (\(problem)); it was left alone", remedy: .retry)
        }
        throw HypervisorError(.callFailed, "qemu-img \(arguments[0]) of \(image): \(problem)", remedy: .stop)
    }

    private static func call(_ arguments: [String]) async throws -> String? {
        var options = PlatformOptions()
        options.teardownSequence = [.send(signal: .terminate, allowedDurationToNextStep: .seconds(2))]
        let result = try await Subprocess.run(
            executable, arguments: Arguments(arguments), platformOptions: options, output: .discarded,
            error: .string(limit: 4096))
        if result.terminationStatus.isSuccess { return nil }
        return result.standardError.split(separator: "\n").first.map(String.init) ?? "no reason given"
    }
}

extension String {
    /// QEMU's words (block/file-posix.c): Failed to get "write" lock.
    fileprivate var isLock: Bool { has("Failed to get") && has("lock") }
}
