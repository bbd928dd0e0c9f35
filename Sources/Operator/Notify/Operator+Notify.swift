internal import Configuration
package import Engine
internal import Logging
internal import RunState
internal import Support

extension Operator {
    /// For how long one that is called by hand waits for another that is sending.
    private static let lockWait = Duration.seconds(5)
    /// What a report calls a host that has no name.
    private static let unnamedHost = "localhost"

    /// `stillpoint notify`: sends what is in the outbox; with `test` a report of nothing by each way that is configured.
    /// - Parameter inBackground: a hook has started it: what another process sends is that one's to tell of.
    package func notify(test: Bool = false, inBackground: Bool = false) async -> ExitCode {
        await perform(salvaging: !test) { configuration in
            let deliveries = deliveries(configuration.notifications)
            guard !test else { return await sendTest(by: deliveries) }
            let sender = NotificationSender(
                StateDirectory(configuration.stateDirectory), configuration.notifications, deliveries,
                host: hostName() ?? Self.unnamedHost,
                log: context.log, writeMetrics: { await refreshMetrics(configuration) })
            switch try await sender.run(waiting: inBackground ? .zero : Self.lockWait) {
            case .done: return .done
            case .left: return .needsRecovery
            case .elsewhere(let process):
                guard !inBackground else { return .done }
                let who = process.map { "the process \($0)" } ?? "another process"
                let what = "\(who) is sending what is in \(configuration.stateDirectory)/outbox"
                context.log.error(
                    "\(what), with the configuration that it began with, for five minutes at most; then call this again"
                )
                return .needsRecovery
            }
        }
    }

    private func deliveries(_ settings: NotificationSettings) -> [any Delivery] {
        var all: [any Delivery] = []
        if settings.mailTo != nil {
            all.append(MailDelivery(settings: settings, environment: context.environment))
        }
        if let url = settings.webhookURL { all.append(WebhookDelivery(settings: settings, url: url)) }
        if let path = settings.onProblem { all.append(ProgramDelivery(path: path)) }
        return all
    }

    private func sendTest(by deliveries: [any Delivery]) async -> ExitCode {
        guard !deliveries.isEmpty else {
            context.log.error("nobody is told of anything: set mail_to, webhook_url or on_problem")
            return .failed
        }
        let report = RunReport(testOf: hostName() ?? Self.unnamedHost, id: .make())
        var isDone = true
        for delivery in deliveries {
            do throws(DeliveryError) {
                try await delivery.deliver(report, within: .seconds(30))
                say("\(delivery.title): sent\n")
            } catch {
                say("\(delivery.title): failed: \(error)\n")
                isDone = false
            }
        }
        return isDone ? .done : .failed
    }
}
