internal import Hypervisor
internal import Support

extension FreezeWindow {
    /// The guest may be frozen still, or freeze when it comes to the request.
    var isThawPending: Bool {
        guard case .failure = thawed else { return false }
        if case .failure(let error as LibvirtError) = frozen, !error.isAgentSilent { return false }
        return true
    }

    /// Why the guest was not at rest when its disks moved, though they did; nil: it was.
    /// - Parameter later: what it answered when it was asked to thaw once more; nil: nothing.
    func doubt(_ later: Int?) -> String? {
        switch thawed {
        case .success(1...): return nil
        case .failure(let error as LibvirtError) where error.isAgentSilent:
            switch later {
            case nil: return "it is not known whether the guest was still frozen when its disks moved: \(error)"
            case 0?: return "the guest had thawed on its own before its disks had moved"
            default: return nil
            }
        case .success: return "the guest had thawed on its own before its disks had moved"
        // Windows: VSS thaws after 10 s, and then our thaw fails.
        case .failure(let error): return "the guest had thawed before it was told to: \(error)"
        }
    }

    /// What the VM got.
    /// - Parameters:
    ///   - later: what the guest answered when it was asked to thaw once more; nil: nothing.
    ///   - agentTimeout: a preparation that took longer is told of.
    /// - Throws: HypervisorError of a freeze that is to be given up.
    func result(_ later: Int?, _ selection: FreezeSelection, agentTimeout: Duration) throws -> FreezeResult {
        let frozen = try frozenCount()
        var result = FreezeResult(
            consistency: .quiesced, frozenFileSystems: frozen, listedFileSystems: selection.freezable?.count,
            // VSS says that it froze right when it did; others freeze one file system after another before they answer.
            frozenFor: selection.isWindows ? duration - preparation : duration)
        let doubts = [(doubt(later), ReasonCode.thawedEarly), (selection.shortfall(frozen: frozen), .partlyFrozen)]
        for case (let words?, let code) in doubts {
            result.consistency = .crash
            result.notes.append(words)
            result.reason = result.reason ?? code
        }
        if result.consistency == .quiesced, case .failure(let error) = thawed {
            result.notes.append("the first thaw failed: \(error)")
        }
        if preparation > agentTimeout {
            result.notes.append("the guest took \(preparation.text) to prepare its freeze")
        }
        return result
    }

    private func frozenCount() throws -> Int {
        switch (frozen, moved) {
        case (.failure(let error as LibvirtError), _) where error.isRefusedByAgent:
            throw HypervisorError.refused(error)
        case (.failure(let error), _): throw HypervisorError.freezeFailed(error)
        case (.success(0), _): throw HypervisorError.notQuiesced("the guest agent froze no file system", .freezeFailed)
        case (_, .failure(let error)?):
            throw HypervisorError(
                .callFailed, "the disks did not move to their overlays", remedy: .fallBack, cause: error,
                reason: .overlayFailed)
        case (.success(let count), _): return count
        }
    }
}

extension HypervisorError {
    /// The answer to the freeze, or that there was none: only what the guest said may be otherwise in a moment.
    static func freezeFailed(_ error: any Error) -> HypervisorError {
        let answer = error as? LibvirtError
        let isAnswer = answer.map { !$0.isAgentSilent && !$0.saysThatGuestIsFrozen } ?? false
        return HypervisorError(
            isAnswer ? .freezeFailed : .notQuiesced, "the guest did not freeze", remedy: .fallBack, cause: error,
            reason: answer?.reasonOfAgent ?? .freezeFailed)
    }

    /// The agent is there, and does not freeze now.
    static func refused(_ error: LibvirtError) -> HypervisorError {
        notQuiesced(
            "the guest agent refuses to freeze, as it does while somebody else has frozen the guest",
            error.reasonOfAgent, cause: error)
    }

    /// The strategy is not available, and nothing is held.
    static func notQuiesced(
        _ message: String, _ reason: ReasonCode, cause: (any Error)? = nil
    ) -> HypervisorError {
        HypervisorError(.notQuiesced, message, remedy: .fallBack, cause: cause, reason: reason)
    }
}
