internal import Configuration
internal import Curl
internal import Engine
internal import Hypervisor
internal import JSON
internal import Support

/// A report as JSON by POST. No redirect is followed.
struct WebhookDelivery: Delivery {
    let settings: NotificationSettings
    let url: String

    let name = "webhook"
    private var server: String { ServerAddress(url, schemes: ["https", "http"])?.authority ?? "webhook_url" }
    var title: String { "webhook at \(server)" }

    func deliver(_ report: RunReport, within limit: Duration) async throws(DeliveryError) {
        let answer: Result<CurlResponse, DeliveryError>
        do {
            answer = try await blocking("a call to \(server)", within: limit + .seconds(2)) {
                Result { () throws(DeliveryError) in try post(report, within: limit) }
            }
        } catch {
            throw DeliveryError(description: "no answer from \(server) within \((limit + .seconds(2)).text)")
        }
        let status = try answer.get().status
        switch status {
        case 200..<300: return
        case 300..<400:
            throw DeliveryError(
                description:
                    "\(server) redirects elsewhere (HTTP \(status)), which is not followed: correct webhook_url",
                isRefusal: true)
        default:
            let mayPass = [408, 425, 429].contains(status) || status >= 500
            throw DeliveryError(description: "\(server) answers HTTP \(status)", isRefusal: !mayPass)
        }
    }

    private func post(_ report: RunReport, within limit: Duration) throws(DeliveryError) -> CurlResponse {
        var headers = ["Content-Type: application/json", "Expect:", "User-Agent: stillpoint/\(stillpointVersion)"]
        if let path = settings.webhookHeaderFile { headers.append(try header(path)) }
        let check = try CertificateCheck.of(settings.webhookCAFile, key: "webhook_ca_file")
        let body: [UInt8]
        do {
            body = try JSON.encode(report)
        } catch {
            throw DeliveryError(description: "\(error)", isRefusal: true)
        }
        let start = ContinuousClock.now
        do throws(CurlError) {
            return try CurlHandle().post(
                body, headers: headers, to: url, check, limits: CurlLimits(whole: limit, bytes: 1 << 20))
        } catch {
            throw DeliveryError(error, at: server, since: start, authorities: "webhook_ca_file")
        }
    }

    /// - Throws: DeliveryError; what is in the file is in no message.
    private func header(_ path: String) throws(DeliveryError) -> String {
        let line: String
        do throws(SecretFile.Refusal) {
            line = try SecretFile(path, what: "header").read().reveal()
        } catch {
            throw DeliveryError(description: "\(error)")
        }
        let name = line.prefix { $0 != ":" }
        guard !name.isEmpty, name.utf8.count < line.utf8.count,
            name.utf8.allSatisfy({ $0.isLetterOrDigit || $0 == UInt8(ascii: "-") }),
            line.utf8.allSatisfy({ $0 >= 32 && $0 != 127 })
        else { throw DeliveryError(description: "webhook_header_file must hold one line such as `Authorization: …`") }
        return line
    }
}
