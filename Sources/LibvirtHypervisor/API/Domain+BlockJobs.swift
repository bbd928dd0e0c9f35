internal import CLibvirt
internal import Hypervisor

extension Domain {
    /// Starts to commit the top image of a disk into the one below it while the guest writes on (virDomainBlockCommit).
    func startActiveCommit(disk: String) throws {
        let flags = VIR_DOMAIN_BLOCK_COMMIT_ACTIVE.rawValue | VIR_DOMAIN_BLOCK_COMMIT_SHALLOW.rawValue
        guard library.functions.virDomainBlockCommit(pointer, disk, nil, nil, 0, flags) == 0 else {
            throw library.lastError("starting the commit of \(disk)")
        }
    }

    /// Starts to commit an image in the middle of a disk's chain into the one below it, and to take it out of the
    /// chain (virDomainBlockCommit without ACTIVE).
    func startCommit(disk: String, of top: String, into base: String) throws {
        guard library.functions.virDomainBlockCommit(pointer, disk, base, top, 0, 0) == 0 else {
            throw library.lastError("starting the commit of \(top)")
        }
    }

    /// Asks for the disk to be put on the image that its commit has caught up with; an event tells when it is.
    ///
    /// Not waited for in libvirt, which would let nobody pause the guest meanwhile.
    func startPivot(disk: String) throws {
        let flags = VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT.rawValue | VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC.rawValue
        guard library.functions.virDomainBlockJobAbort(pointer, disk, flags) == 0 else {
            throw library.lastError("pivoting \(disk)")
        }
    }

    /// The block job, anybody's, that is at work on the disk; nil when there is none (virDomainGetBlockJobInfo).
    func blockJob(disk: String) throws -> BlockJob? {
        var info = virDomainBlockJobInfo()
        let count = library.functions.virDomainGetBlockJobInfo(pointer, disk, &info, 0)
        guard count >= 0 else { throw library.lastError("asking for the block job of \(disk)") }
        guard count == 1 else { return nil }
        let isActiveCommit = UInt32(bitPattern: info.type) == VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT.rawValue
        return BlockJob(isCommitThatCaughtUp: isActiveCommit && info.end > 0 && info.cur == info.end)
    }
}

/// What libvirt tells of a disk's block job.
struct BlockJob {
    /// It commits the image that takes the guest's writes, and has all of it below.
    let isCommitThatCaughtUp: Bool
}
