package import Hypervisor
package import RunState
internal import Support
internal import Synchronization

/// Asks of VMs that are up why their strategies would not be carried out now; nothing of them is changed.
package struct ObstacleSurvey: Sendable {
    /// Of one VM.
    package enum Answer: Sendable, Equatable {
        /// Those strategies that would fail.
        case known([Strategy: StrategyObstacle])
        /// Why nothing is known.
        case unknown(String)
    }

    /// What is asked of one VM takes no longer, whatever hangs.
    private static let limit = Duration.seconds(30)

    let maxParallel: Int
    package let ramDirectory: String

    /// - Parameters:
    ///   - maxParallel: VMs at once, where a hypervisor has no such setting of its own.
    ///   - ramDirectory: `ram_dir`.
    package init(maxParallel: Int, ramDirectory: String) {
        self.maxParallel = maxParallel
        self.ramDirectory = ramDirectory
    }

    /// - Parameters:
    ///   - plan: a VM may stand in it several times, with other strategies.
    ///   - overlayRuns: what is known of those that may have put a VM on an overlay; nil: that is not known.
    ///   - sharesRoom: all are frozen by one run, and share the room in `ram_dir`.
    /// - Returns: those of the VMs that are up and not left out.
    package func ask(
        _ plan: [PlannedVM], overlayRuns: OverlayRuns? = nil, sharesRoom: Bool = true
    ) async -> [VMKey: Answer] {
        var order: [VMKey] = []
        var asked: [VMKey: (planned: PlannedVM, strategies: [Strategy])] = [:]
        for planned in plan where !planned.machine.power.isAtRest && !planned.isIgnored {
            if asked[planned.key] == nil { order.append(planned.key) }
            let known = asked[planned.key]?.strategies ?? []
            let more = planned.strategies.filter { !known.contains($0) }
            asked[planned.key] = (planned, known + more)
        }
        var answers = await answers(order.compactMap { asked[$0] }, overlayRuns)
        let budget = RAMSpaceBudget(directory: ramDirectory)
        for key in order {
            guard let (planned, strategies) = asked[key], case .known(var obstacles)? = answers[key] else { continue }
            let room = sharesRoom ? budget : RAMSpaceBudget(directory: ramDirectory)
            let wanted = sharesRoom ? strategies.prefix { obstacles[$0] != nil || $0 == .memory } : strategies[...]
            guard wanted.contains(.memory), obstacles[.memory] == nil, planned.hypervisor.overlayDirectory != nil else {
                continue
            }
            do {
                try await room.reserve(planned.machine.memory)
            } catch {
                obstacles[.memory] = StrategyObstacle(.noRoom, "\(error)")
                answers[key] = .known(obstacles)
            }
        }
        return answers
    }

    private func answers(
        _ asked: [(planned: PlannedVM, strategies: [Strategy])], _ overlayRuns: OverlayRuns?
    ) async -> [VMKey: Answer] {
        let answers = Mutex<[VMKey: Answer]>([:])
        // One that does not answer is not asked for each of its VMs.
        let silent = Mutex<[String: String]>([:])
        await inParallel(Dictionary(grouping: asked, by: \.planned.hypervisor.name).values, limit: .max) { group in
            let limit = group[0].planned.hypervisor.maxParallel ?? maxParallel
            await inParallel(group, limit: limit) { planned, strategies in
                let name = planned.hypervisor.name
                if let reason = silent.withLock({ $0[name] }) {
                    return answers.withLock { $0[planned.key] = .unknown(reason) }
                }
                let (answer, isSilent) = await answer(planned, strategies, overlayRuns)
                if case .unknown(let reason) = answer, isSilent { silent.withLock { $0[name] = reason } }
                answers.withLock { $0[planned.key] = answer }
            }
        }
        return answers.withLock { $0 }
    }

    private func answer(
        _ planned: PlannedVM, _ strategies: [Strategy], _ overlayRuns: OverlayRuns?
    ) async -> (Answer, isSilent: Bool) {
        let staleness = overlayRuns.map { $0.staleness(of: planned) } ?? planned.staleness
        if let staleness {
            return (.known(Dictionary(uniqueKeysWithValues: strategies.map { ($0, staleness) })), false)
        }
        let own = await obstacles(to: strategies, planned)
        let left = strategies.filter { $0.changesMachine && own[$0] == nil || planned.machine.power == .paused }
        let answer: Result<[Strategy: StrategyObstacle], any Error>? = await withDeadline(.now + Self.limit) {
            do {
                let found = try await planned.hypervisor.obstacles(
                    to: left, of: planned.machine, disks: planned.disks + planned.disksOnOverlays)
                // Of one on an overlay, whose run ends first, the disks are not as they will be.
                return .success(planned.disksOnOverlays.isEmpty ? found : found.filter { $1.reason.isOfGuest })
            } catch {
                return .failure(error)
            }
        }
        switch answer {
        // The back end knows better what to do about it.
        case .success(let obstacles)?: return (.known(own.merging(obstacles) { $1 }), false)
        case .failure(let error)?:
            return (.unknown("\(error)"), (error as? HypervisorError)?.reason == .unreachable)
        case nil:
            return (
                .unknown("[hypervisor \(printable(planned.hypervisor.name))] did not answer within \(Self.limit.text)"),
                true
            )
        }
    }

    /// What is known without the hypervisor.
    private func obstacles(to strategies: [Strategy], _ planned: PlannedVM) async -> [Strategy: StrategyObstacle] {
        var obstacles: [Strategy: StrategyObstacle] = [:]
        for strategy in strategies where strategy.changesMachine {
            obstacles[strategy] = planned.obstacle(to: strategy)
            guard obstacles[strategy] == nil, let path = strategy.program else { continue }
            do {
                try await blocking("examining \(printable(path, limit: 300))", within: .seconds(2)) {
                    try TrustedProgram(path).check()
                }
            } catch {
                obstacles[strategy] = StrategyObstacle(.programFailed, "\(error)")
            }
        }
        return obstacles
    }
}

extension ReasonCode {
    /// It stands in the way whatever the disks are on.
    fileprivate var isOfGuest: Bool {
        [.agentMissing, .agentRefuses, .shutdownIgnored, .deviceUnsupported, .unreachable].contains(self)
    }
}
