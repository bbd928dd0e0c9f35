internal import CLibvirt
internal import Synchronization

/// What libvirt tells of block jobs, handed to whoever waits for that disk of that domain.
final class BlockJobEvents: Sendable {
    enum Status: Sendable, Equatable {
        /// The commit has caught up with the guest: time to pivot.
        case ready
        case completed
        case failed
        case cancelled
        /// No event came in time: the state must be read.
        case silence
    }

    struct Job: Hashable, Sendable {
        let domain: String
        let disk: String
    }

    private let listeners = Mutex<[Job: AsyncStream<Status>.Continuation]>([:])

    /// The job's events from now on; ask before the job is started.
    func events(of job: Job) -> AsyncStream<Status> {
        let (stream, continuation) = AsyncStream<Status>.makeStream()
        listeners.withLock { $0[job] = continuation }
        return stream
    }

    /// Ends the stream of a job.
    func forget(_ job: Job) {
        listeners.withLock { $0.removeValue(forKey: job) }?.finish()
    }

    /// Wakes whoever waits for the job.
    func wake(_ job: Job) {
        deliver(.silence, of: job)
    }

    fileprivate func deliver(_ status: Status, of job: Job) {
        listeners.withLock { $0[job] }?.yield(status)
    }
}

/// virConnectDomainEventBlockJobCallback; runs on the event loop's thread.
nonisolated func blockJobChanged(
    _ connection: virConnectPtr?, _ domain: virDomainPtr?, _ disk: UnsafePointer<CChar>?, _ type: Int32,
    _ status: Int32, _ events: UnsafeMutableRawPointer?
) {
    guard let library = try? LibvirtLibrary.load(), let domain, let disk, let events,
        let status = BlockJobEvents.Status(libvirt: status), let uuid = library.uuid(of: domain)
    else { return }
    Unmanaged<BlockJobEvents>.fromOpaque(events).takeUnretainedValue()
        .deliver(status, of: BlockJobEvents.Job(domain: uuid, disk: String(cString: disk)))
}

/// virFreeCallback of the subscription.
nonisolated func releaseEvents(_ events: UnsafeMutableRawPointer?) {
    guard let events else { return }
    Unmanaged<BlockJobEvents>.fromOpaque(events).release()
}

extension BlockJobEvents.Status {
    fileprivate init?(libvirt status: Int32) {
        switch UInt32(bitPattern: status) {
        case VIR_DOMAIN_BLOCK_JOB_READY.rawValue: self = .ready
        case VIR_DOMAIN_BLOCK_JOB_COMPLETED.rawValue: self = .completed
        case VIR_DOMAIN_BLOCK_JOB_FAILED.rawValue: self = .failed
        case VIR_DOMAIN_BLOCK_JOB_CANCELED.rawValue: self = .cancelled
        default: return nil
        }
    }
}
