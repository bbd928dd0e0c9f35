internal import Hypervisor

/// Brings one disk back to its base: active commit, READY, pivot.
struct ActiveCommit: Sendable {
    let domain: Domain
    let machineID: String
    let disk: HeldDisk
    let events: BlockJobEvents
    let timeout: Duration

    /// - Parameter now: what the domain's XML says of the disk at this moment.
    func run(from now: DomainDisk?) async throws {
        guard let now else {
            throw changed("the disk is not there any more")
        }
        if now.disk.source == disk.base, now.mirror == nil { return }
        guard now.disk.source == disk.overlay else {
            throw changed("it runs on \(now.disk.source ?? "no image")")
        }
        guard now.disk.chain.dropFirst().first == disk.base else {
            throw changed("below its overlay is \(now.disk.chain.dropFirst().first ?? "no image")")
        }
        let job = BlockJobEvents.Job(domain: machineID, disk: disk.target)
        let stream = events.events(of: job)
        defer { events.forget(job) }
        if now.mirror == nil {
            try await call("starting the commit of") { try domain.startActiveCommit(disk: disk.target) }
        }
        if now.mirror != .ready {
            try await waitUntilReady(stream)
        }
        try await call("pivoting") { try domain.pivot(disk: disk.target) }
    }

    private func waitUntilReady(_ stream: AsyncStream<BlockJobEvents.Status>) async throws {
        let ready = try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await status in stream {
                    if status == .ready { return true }
                    if status == .failed || status == .cancelled { return false }
                }
                return false
            }
            group.addTask { try await lookUntilReady() }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
        guard ready else {
            throw HypervisorError(.callFailed, "the commit of \(disk.target) failed or was ended", remedy: .retry)
        }
    }

    /// A slow second look, for a job that was ready before anyone listened; also keeps the deadline.
    private func lookUntilReady() async throws -> Bool {
        let clock = ContinuousClock()
        let end = clock.now + timeout
        while clock.now < end {
            try await clock.sleep(for: .seconds(2))
            let now = try await blocking("looking at \(disk.target)", within: .seconds(30)) {
                try domain.description().disk(disk.target)
            }
            if now?.mirror == .ready { return true }
            if now?.mirror == nil { return false }
        }
        throw HypervisorError(
            .timedOut, "the commit of \(disk.target) did not catch up with the guest within \(timeout.inSeconds)",
            remedy: .retry)
    }

    private func call(_ action: String, _ body: @escaping @Sendable () throws -> Void) async throws {
        try await blocking("\(action) \(disk.target)", within: timeout, body)
    }

    private func changed(_ what: String) -> HypervisorError {
        HypervisorError(
            .changed, "\(disk.target) is not as it was left: \(what); its overlay \(disk.overlay) was left alone",
            remedy: .stop)
    }
}
