internal import DiskLocation
internal import Hypervisor
internal import Support

/// Calls of qemu-img, which takes QEMU's own locks on the images: it fails while a QEMU has them open, and a QEMU fails
/// to start while it works. So no call here may go round the locks (`-U`).
enum QEMUImg {
    /// Waits for its end, and kills it when that takes longer than `limit`.
    /// - Parameters:
    ///   - images: all that the arguments name, by `ConfinedQEMUImg.name(of:)`; the first one is what it is about.
    ///   - fileSize: the bytes that one of them may grow to.
    /// - Throws: HypervisorError: remedy `.retry` where an image is in use, or time ran out. What cannot be killed keeps
    ///   its lock on the images, so that another call meets it there.
    static func run(
        _ arguments: [String], _ images: [Confinement.Grant], within limit: Duration, fileSize: UInt64
    ) async throws {
        let image = images.first?.file.path ?? "nothing"
        guard let problem = try await problem(arguments, images, within: limit, fileSize: fileSize) else { return }
        if problem.isLock {
            throw HypervisorError(.changed, "\(image) is in use (\(problem)); it was not touched", remedy: .retry)
        }
        throw HypervisorError(.callFailed, "qemu-img \(arguments[0]) of \(image): \(problem)", remedy: .stop)
    }

    /// Its first word of complaint; nil where it has none.
    static func problem(
        _ arguments: [String], _ images: [Confinement.Grant], within limit: Duration, fileSize: UInt64
    ) async throws -> String? {
        do throws(ChildProcess.Failure) {
            return try await ConfinedQEMUImg.problem(arguments, images, within: limit, fileSize: fileSize)
        } catch {
            switch error {
            case .notStarted(let number): return "it could not be started: \(number)"
            case .cancelled: throw CancellationError()
            case .tooMuchOutput: return "it wrote without end"
            case .timedOut(let isGone):
                throw HypervisorError(
                    .timedOut,
                    "qemu-img \(arguments[0]) of \(images.first?.file.path ?? "nothing") took longer than "
                        + limit.text + (isGone ? "" : ", and cannot be killed"), remedy: .retry)
            }
        }
    }
}

extension String {
    /// QEMU's words (block/file-posix.c): Failed to get "write" lock.
    fileprivate var isLock: Bool { has("Failed to get") && has("lock") }
}
