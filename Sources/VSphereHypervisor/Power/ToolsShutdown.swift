internal import Hypervisor
internal import Support

/// The clean shutdown of one running VM's guest, by its VMware Tools.
struct ToolsShutdown: Sendable {
    let session: Session
    let poller: TaskPoller
    let details: VMDetails
    /// When the guest must be off.
    let deadline: ContinuousClock.Instant

    /// How long somebody else's task is waited for at most.
    private static let longestRepeating = Duration.seconds(60)
    /// Between two reads of a VM whose guest is on the way down: a guest takes seconds.
    private static let interval = Duration.milliseconds(500)

    private var vm: MoRef { details.reference }

    /// - Throws: as ``GuestShutdown/shutDown(id:before:)``.
    func run() async throws {
        if let obstacle = details.obstacleToShutdown {
            throw HypervisorError(obstacle, .callFailed)
        }
        try await ask()
        try await awaitOff()
    }

    /// Returns when the guest was asked, or may have been.
    private func ask() async throws {
        var backoff = Backoff(until: min(deadline, .now + Self.longestRepeating))
        var mayBeAsked = false
        while true {
            do {
                _ = try await session.call(SOAPCall("ShutdownGuest", on: vm), until: deadline)
                return
            } catch {
                let failure = error as? CallFailure
                mayBeAsked = mayBeAsked || failure?.mayHaveActed == true
                // To be asked twice does a guest no harm.
                if failure?.isTransient == true, failure?.kind != .timedOut, await backoff.wait() { continue }
                if mayBeAsked { return }
                guard let failure, failure.wasSent else {
                    throw HypervisorError.unsent(error, "the guest could not be asked to shut down")
                }
                throw try await refusal(failure)
            }
        }
    }

    private func refusal(_ failure: CallFailure) async throws -> HypervisorError {
        switch failure.fault?.name {
        case "ManagedObjectNotFound": return .goneMeanwhile
        case "ToolsUnavailable":
            return HypervisorError(
                .callFailed,
                "VMware Tools are not running in the guest, so it cannot be asked to shut down (\(failure))",
                remedy: .fallBack, reason: failure.reason)
        case "InvalidPowerState":
            return HypervisorError(
                .changed, "the VM is not running any more: somebody else has stopped it", remedy: .fallBack)
        default: return failure.error("the guest could not be asked to shut down", remedy: .fallBack)
        }
    }

    /// The guest was asked: whatever fails from here on, it may come to be off.
    private func awaitOff() async throws {
        var problem = ""
        while true {
            switch await power() {
            case .success("poweredOff"): return
            case .success(nil):
                throw HypervisorError(
                    .noSuchMachine, "the VM was removed from the inventory while its guest was shutting down",
                    remedy: .stop)
            case .success: problem = ""
            case .failure(let error): problem = " (\(error))"
            }
            guard .now < deadline else { break }
            if (try? await Task.sleep(for: Self.interval)) == nil { break }
        }
        let state = try? await session.inspect(vm, until: .now + .seconds(1)).state
        if state?.power == "poweredOff" { return }
        throw HypervisorError(
            .timedOut, "the guest did not shut down in time, and may still do so\(state?.questionNote ?? problem)",
            remedy: .stop, reason: .shutdownIgnored)
    }

    private func power() async -> Result<String?, any Error> {
        do {
            return .success(try await poller.state(of: vm, until: deadline)?.power)
        } catch {
            return .failure(error)
        }
    }
}
