import Hypervisor
import Synchronization
import Testing

@testable import VSphereHypervisor

@Suite("Suspending a VM")
struct SuspensionTests {
    private func suspend(
        _ transport: ScriptedTransport, within limit: Duration = .seconds(4)
    ) async throws {
        let session = testSession(transport)
        try await VMSuspension(session: session, poller: testPoller(session), vm: .vm("vm-1"), end: .now + limit).run()
    }

    private func power(_ server: FakeServer) -> String { server.state.withLock { $0.power } }

    @Test("One call and one read")
    func plain() async throws {
        let server = FakeServer()
        let transport = server.transport
        try await suspend(transport)
        #expect(power(server) == "suspended")
        #expect(transport.count("SuspendVM_Task") == 1)
        #expect(transport.count("RetrievePropertiesEx") == 1)
    }

    @Test(
        "What passes is tried again",
        arguments: [
            FakeServer.Effect.taskFault("TaskInProgress"), .reply(.fault("TaskInProgress")), .reply(.status(503)),
            .reply(.dropped), .taskFault("HostCommunication"),
        ])
    func transient(_ effect: FakeServer.Effect) async throws {
        let server = FakeServer { call, count in call.method == "SuspendVM_Task" && count <= 2 ? effect : nil }
        try await suspend(server.transport)
        #expect(power(server) == "suspended")
    }

    @Test(
        "A lost answer, or a fault after the act, is seen of the VM, and nothing is asked again",
        arguments: [FakeServer.Effect.lostAnswer, .taskFaultAfter("HostCommunication")])
    func lostAnswer(_ effect: FakeServer.Effect) async throws {
        let server = FakeServer { call, count in call.method == "SuspendVM_Task" && count == 1 ? effect : nil }
        let transport = server.transport
        try await suspend(transport)
        #expect(power(server) == "suspended")
        #expect(transport.count("SuspendVM_Task") == 1)
    }

    @Test("A lost answer to a task that takes its time is waited for")
    func slowLostAnswer() async throws {
        let server = FakeServer { call, count in call.method == "SuspendVM_Task" && count == 1 ? .lostAnswer : nil }
        server.state.withLock { $0.isSlow = true }
        let transport = server.transport
        async let suspending: Void = suspend(transport)
        try await Task.sleep(for: .milliseconds(400))
        server.state.withLock { $0.endTasks("suspended") }
        try await suspending
        #expect(transport.count("SuspendVM_Task") == 1)
    }

    @Test(
        "What forbids it falls back at once, and the VM runs on",
        arguments: ["NotSupported", "NoPermission", "GenericVmConfigFault", "InvalidState"])
    func permanent(_ fault: String) async throws {
        for effect in [FakeServer.Effect.taskFault(fault), .reply(.fault(fault))] {
            let server = FakeServer { call, _ in call.method == "SuspendVM_Task" ? effect : nil }
            let transport = server.transport
            let error = await #expect(throws: HypervisorError.self) { try await suspend(transport) }
            #expect(error?.remedy == .fallBack)
            #expect(error?.message.contains(fault) == true)
            #expect(transport.count("SuspendVM_Task") == 1)
            #expect(power(server) == "poweredOn")
        }
    }

    @Test(
        "A VM that somebody else has stopped stays so, and is said to be",
        arguments: [("suspended", "somebody else"), ("poweredOff", "powered off")])
    func stopped(_ state: String, _ words: String) async throws {
        let server = FakeServer { call, _ in
            call.method == "SuspendVM_Task" ? .reply(.fault("InvalidPowerState")) : nil
        }
        server.state.withLock { $0.power = state }
        let error = await #expect(throws: HypervisorError.self) { try await suspend(server.transport) }
        #expect(error?.remedy == .fallBack)
        #expect(error?.message.contains(words) == true)
    }

    @Test("A VM that is gone falls back")
    func gone() async throws {
        let server = FakeServer()
        server.state.withLock { $0.isGone = true }
        let error = await #expect(throws: HypervisorError.self) { try await suspend(server.transport) }
        #expect(error?.code == .noSuchMachine)
        #expect(error?.remedy == .fallBack)
    }

    @Test("A task that does not end is cancelled: the VM runs on")
    func cancelled() async throws {
        let server = FakeServer()
        server.state.withLock { ($0.isSlow, $0.isCancellable) = (true, true) }
        let error = await #expect(throws: HypervisorError.self) {
            try await suspend(server.transport, within: .seconds(2))
        }
        #expect(error?.remedy == .fallBack)
        #expect(error?.code == .timedOut)
    }

    @Test("One that cannot be cancelled leaves a doubt, and says what the VM waits for")
    func stuck() async throws {
        let server = FakeServer()
        server.state.withLock { ($0.isSlow, $0.question) = (true, "No space for\nweb.vmss. Retry?") }
        let error = await #expect(throws: HypervisorError.self) {
            try await suspend(server.transport, within: .seconds(2))
        }
        #expect(error?.remedy == .stop)
        #expect(error?.message.contains("web.vmss. Retry?") == true)
        #expect(error?.message.contains("vSphere client") == true)
        #expect(error?.message.contains("\n") == false)
    }

    @Test("A server that never was reached has suspended nothing")
    func unreachable() async throws {
        let server = FakeServer { call, _ in call.method == "SuspendVM_Task" ? .reply(.unreachable) : nil }
        let error = await #expect(throws: HypervisorError.self) { try await suspend(server.transport) }
        #expect(error?.remedy == .retry)
    }

    @Test("A server that falls silent after the call, or is gone, leaves a doubt")
    func doubt() async throws {
        for (first, then) in [
            (FakeServer.Effect.reply(.silence), ScriptedTransport.Reply.silence), (.lostAnswer, .unreachable),
            (.reply(.dropped), .unreachable),
        ] {
            let server = FakeServer { call, _ in
                switch call.method {
                case "SuspendVM_Task": first
                case "RetrievePropertiesEx": .reply(then)
                default: nil
                }
            }
            let error = await #expect(throws: HypervisorError.self) {
                try await suspend(server.transport, within: .seconds(8))
            }
            #expect(error?.remedy == .stop)
        }
    }
}
