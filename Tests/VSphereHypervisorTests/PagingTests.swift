import Bounds
import Testing
import XMLTree

@testable import VSphereHypervisor

@Suite("Pages of a server's answer")
struct PagingTests {
    private let soon = ContinuousClock.now + .seconds(20)

    /// A server that always has another page, with the token that is made of its number.
    private func endless(
        _ objects: String = "", token: @escaping @Sendable (Int) -> String
    ) -> ScriptedTransport {
        FakeServer { call, count in
            switch call.method {
            case "CreateContainerView": .reply(.result("<returnval type=\"ContainerView\">view-1</returnval>"))
            case "RetrievePropertiesEx", "ContinueRetrievePropertiesEx":
                .reply(
                    .result(
                        "<returnval><token>\(token(call.method == "RetrievePropertiesEx" ? 0 : count))</token>\(objects)</returnval>"
                    ))
            default: nil
            }
        }.transport
    }

    private var request: PropertyRequest {
        var request = PropertyRequest()
        request.want(["name"], of: "VirtualMachine")
        request.add(.vm("vm-1"))
        return request
    }

    enum Reader: CaseIterable {
        case inventory, properties
    }

    @Test("with a token that was there before are refused", arguments: Reader.allCases, [1, 3])
    func repeated(reader: Reader, period: Int) async throws {
        let transport = endless { "\($0 % period)" }
        let session = testSession(transport)
        let error = await #expect(throws: CallFailure.self) {
            switch reader {
            case .inventory: _ = try await Inventory.read(session, until: soon)
            case .properties: _ = try await session.properties(request, until: soon)
            }
        }
        #expect(error?.kind == .tooLong)
        #expect(transport.count("ContinueRetrievePropertiesEx") <= period + 1)
    }

    @Test("without an end are read until there are too many of them, or of objects or bytes")
    func endless() async throws {
        let objects = "<objects><obj type=\"VirtualMachine\">vm-1</obj></objects>"
        for (budget, words) in [
            (Budget(pages: 20), "20 pages"), (Budget(nodes: 20), "20 parts"),
            (Budget(bytes: 9000), "9000 bytes"),
        ] {
            let transport = endless(objects) { "t\($0)-\($0 * 7)" }
            var count = 0
            let error = await #expect(throws: CallFailure.self) {
                try await testSession(transport).readPages(of: request, within: budget, until: soon) {
                    count += $0.count
                }
            }
            #expect(error?.kind == .tooLong)
            #expect(error?.message.hasSuffix("it has more than \(words)") == true)
            #expect((5...21).contains(transport.count("ContinueRetrievePropertiesEx")))
        }
    }

    @Test("without an end are read until the deadline", arguments: Reader.allCases)
    func deadline(reader: Reader) async throws {
        let transport = endless { "t\($0)" }
        let session = testSession(transport)
        let begin = ContinuousClock.now
        await #expect(throws: CallFailure.self) {
            switch reader {
            case .inventory: _ = try await Inventory.read(session, until: begin + .milliseconds(300))
            case .properties: _ = try await session.properties(request, until: begin + .milliseconds(300))
            }
        }
        #expect(begin.duration(to: .now) < .seconds(2))
    }

    @Test("that end are all read")
    func whole() async throws {
        let transport = FakeServer { call, count in
            guard call.method.hasSuffix("RetrievePropertiesEx") else { return nil }
            let token =
                call.method == "RetrievePropertiesEx" || count < 5 ? "<token>t\(call.method)\(count)</token>" : ""
            return .reply(
                .result(
                    "<returnval>\(token)<objects><obj type=\"VirtualMachine\">vm-\(count)</obj></objects></returnval>"))
        }.transport
        #expect(try await testSession(transport).properties(request, until: soon).count == 6)
    }
}
