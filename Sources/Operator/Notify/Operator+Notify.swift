internal import Configuration
package import Engine
internal import Logging
internal import RunState
internal import Support

extension Operator {
    /// `stillpoint notify`: sends what is in the outbox; with `test` a report of nothing by each way that is configured.
    package func notify(test: Bool = false) async -> ExitCode {
        await perform { configuration in
            let deliveries = deliveries(configuration.notifications)
            guard !test else { return await sendTest(by: deliveries) }
            let sender = NotificationSender(
                StateDirectory(configuration.stateDirectory), configuration.notifications, deliveries, host: hostName(),
                log: context.log, writeMetrics: { await refreshMetrics(configuration) })
            return try await sender.run() ? .done : .needsRecovery
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
        let report = RunReport(testOf: hostName(), id: .make())
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
