import Hypervisor
import Synchronization
import Testing

@testable import VSphereHypervisor

@Suite("Shutting a guest down by its tools")
struct ToolsShutdownTests {
    private func details(
        _ devices: String = fixtureDisk(), tools: String = "guestToolsRunning", _ more: String = ""
    ) throws -> VMDetails {
        try fixtureDetails(
            """
            <propSet><name>config.hardware.device</name><val>\(devices)</val></propSet>\
            \(fixtureProperty("guest.toolsRunningStatus", tools))\(more)
            """)
    }

    private func shutDown(
        _ transport: ScriptedTransport, _ details: VMDetails? = nil, within limit: Duration = .seconds(4)
    ) async throws {
        let session = testSession(transport)
        let details = try details ?? self.details()
        try await ToolsShutdown(
            session: session, poller: testPoller(session), details: details, deadline: .now + limit
        ).run()
    }

    @Test("The guest is asked, and its VM seen to be off")
    func plain() async throws {
        let server = FakeServer()
        let transport = server.transport
        try await shutDown(transport)
        #expect(server.state.withLock { $0.power } == "poweredOff")
        #expect(transport.count("ShutdownGuest") == 1)
    }

    @Test("A guest that takes its time is waited for")
    func slow() async throws {
        let server = FakeServer()
        server.state.withLock { $0.isObedient = false }
        async let down: Void = shutDown(server.transport)
        try await Task.sleep(for: .seconds(1))
        server.state.withLock { $0.power = "poweredOff" }
        try await down
    }

    @Test("A guest that does not obey may still do so")
    func ignored() async throws {
        let server = FakeServer()
        server.state.withLock { ($0.isObedient, $0.question) = (false, "Really?") }
        let error = await #expect(throws: HypervisorError.self) {
            try await shutDown(server.transport, within: .seconds(1))
        }
        #expect(error?.remedy == .stop)
        #expect(error?.code == .timedOut)
        #expect(error?.message.contains("Really?") == true)
    }

    @Test(
        "What forbids it is known beforehand, and nobody is asked",
        arguments: [
            ("", "guestToolsNotRunning", "", "Tools"),
            ("<diskMode>independent_nonpersistent</diskMode>", "guestToolsRunning", "", "not persistent"),
            (
                "", "guestToolsRunning", fixtureProperty("config.flags.snapshotPowerOffBehavior", "revert"),
                "power-off behavior is revert"
            ),
        ])
    func obstacles(_ backing: String, _ tools: String, _ more: String, _ words: String) async throws {
        let transport = FakeServer().transport
        let details = try details(fixtureDisk(unit: 0, backing), tools: tools, more)
        let error = await #expect(throws: HypervisorError.self) { try await shutDown(transport, details) }
        #expect(error?.remedy == .fallBack)
        #expect(error?.message.contains(words) == true)
        #expect(transport.received.isEmpty)
    }

    @Test(
        "What the server refuses falls back at once: the guest was not asked",
        arguments: [
            ("ToolsUnavailable", "Tools"), ("InvalidPowerState", "not running"), ("NoPermission", "NoPermission"),
            ("NotSupported", "NotSupported"),
        ])
    func refused(_ fault: String, _ words: String) async throws {
        let server = FakeServer { call, _ in call.method == "ShutdownGuest" ? .reply(.fault(fault)) : nil }
        let transport = server.transport
        let error = await #expect(throws: HypervisorError.self) { try await shutDown(transport) }
        #expect(error?.remedy == .fallBack)
        #expect(error?.message.contains(words) == true)
        #expect(transport.count("ShutdownGuest") == 1)
    }

    @Test(
        "What passes is tried again, a lost answer too",
        arguments: [
            FakeServer.Effect.reply(.fault("TaskInProgress")), .reply(.status(503)), .reply(.dropped), .lostAnswer,
        ])
    func transient(_ effect: FakeServer.Effect) async throws {
        let server = FakeServer { call, count in call.method == "ShutdownGuest" && count == 1 ? effect : nil }
        try await shutDown(server.transport)
        #expect(server.state.withLock { $0.power } == "poweredOff")
    }

    @Test("A guest that may have been asked is never said not to have been, whatever comes after")
    func doubt() async throws {
        for then in [ScriptedTransport.Reply.unreachable, .fault("ToolsUnavailable"), .silence] {
            let server = FakeServer { call, count in
                guard call.method == "ShutdownGuest" || call.method == "RetrievePropertiesEx" else { return nil }
                return call.method == "ShutdownGuest" && count == 1 ? .reply(.dropped) : .reply(then)
            }
            let error = await #expect(throws: HypervisorError.self) {
                try await shutDown(server.transport, within: .seconds(3))
            }
            #expect(error?.remedy == .stop)
        }
    }

    @Test("A server that never was reached has asked nobody")
    func unreachable() async throws {
        let server = FakeServer { call, _ in call.method == "ShutdownGuest" ? .reply(.unreachable) : nil }
        let error = await #expect(throws: HypervisorError.self) {
            try await shutDown(server.transport, within: .seconds(1))
        }
        #expect(error?.remedy == .retry)
    }
}
