import Hypervisor
import Synchronization
import Testing

@testable import VSphereHypervisor

@Suite("Having a VM run again")
struct StartTests {
    private func start(_ transport: ScriptedTransport, after stop: VMStart.Stop) async throws {
        let session = testSession(transport)
        try await VMStart(session: session, poller: testPoller(session), vm: .vm("vm-1"), stop: stop).run()
    }

    private func server(_ power: String, _ trouble: @escaping FakeServer.Trouble = { _, _ in nil }) -> FakeServer {
        let server = FakeServer(trouble)
        server.state.withLock { $0.power = power }
        return server
    }

    @Test("One read, one call, one read", arguments: [VMStart.Stop.suspended, .shutDown])
    func plain(_ stop: VMStart.Stop) async throws {
        let server = server(stop.power)
        let transport = server.transport
        try await start(transport, after: stop)
        #expect(server.state.withLock { $0.power } == "poweredOn")
        #expect(transport.count("PowerOnVM_Task") == 1)
        #expect(transport.count("RetrievePropertiesEx") == 2)
    }

    @Test(
        "What somebody else has made of the VM meanwhile stays so",
        arguments: [
            (VMStart.Stop.suspended, "poweredOff"), (.shutDown, "suspended"), (.suspended, "poweredOn"),
            (.shutDown, "poweredOn"),
        ])
    func others(_ stop: VMStart.Stop, _ power: String) async throws {
        let server = server(power)
        let transport = server.transport
        try await start(transport, after: stop)
        #expect(server.state.withLock { $0.power } == power)
        #expect(transport.count("PowerOnVM_Task") == 0)
    }

    @Test("A VM that is gone is fine", arguments: [VMStart.Stop.suspended, .shutDown])
    func gone(_ stop: VMStart.Stop) async throws {
        let server = server(stop.power)
        server.state.withLock { $0.isGone = true }
        try await start(server.transport, after: stop)
        let goneInBetween = self.server(stop.power) { call, _ in
            call.method == "PowerOnVM_Task"
                ? .reply(.fault("ManagedObjectNotFound", more: "<obj type=\"VirtualMachine\">vm-1</obj>")) : nil
        }
        try await start(goneInBetween.transport, after: stop)
    }

    @Test(
        "Who was faster, a lost answer and what passes are no failure",
        arguments: [
            FakeServer.Effect.lostAnswer, .taskFaultAfter("InvalidPowerState"), .taskFault("TaskInProgress"),
            .reply(.status(503)),
        ])
    func troubles(_ effect: FakeServer.Effect) async throws {
        let server = server("suspended") { call, count in
            call.method == "PowerOnVM_Task" && count == 1 ? effect : nil
        }
        try await start(server.transport, after: .suspended)
        #expect(server.state.withLock { $0.power } == "poweredOn")
    }

    @Test("What the server refuses is said", arguments: ["InsufficientResourcesFault", "NotEnoughLicenses"])
    func refused(_ fault: String) async throws {
        let server = server("poweredOff") { call, _ in call.method == "PowerOnVM_Task" ? .taskFault(fault) : nil }
        let error = await #expect(throws: HypervisorError.self) { try await start(server.transport, after: .shutDown) }
        #expect(error?.remedy == .stop)
        #expect(error?.message.contains(fault) == true)
    }

    @Test("A VM that waits for an answer is not waited for, also where an earlier attempt has asked it to start")
    func question() async throws {
        for fault in [nil, "TaskInProgress"] as [String?] {
            let server = server("suspended") { call, _ in
                call.method == "PowerOnVM_Task" ? fault.map { .taskFault($0) } : nil
            }
            server.state.withLock { ($0.isSlow, $0.question) = (fault == nil, "Was it moved?") }
            let began = ContinuousClock.now
            let error = await #expect(throws: HypervisorError.self) {
                try await start(server.transport, after: .suspended)
            }
            #expect(error?.remedy == .stop)
            #expect(error?.message.contains("Was it moved?") == true)
            #expect(began.duration(to: .now) < .seconds(15))
        }
    }

    @Test("A suspension that was given up and still runs is waited for, and undone")
    func lateSuspension() async throws {
        let server = server("poweredOn")
        server.state.withLock { $0.tasks = [("task-1", "suspend", "running", nil, nil)] }
        let transport = server.transport
        async let starting: Void = start(transport, after: .suspended)
        try await Task.sleep(for: .milliseconds(400))
        #expect(transport.count("PowerOnVM_Task") == 0)
        server.state.withLock { $0.endTasks("suspended") }
        try await starting
        #expect(server.state.withLock { $0.power } == "poweredOn")
        #expect(transport.count("PowerOnVM_Task") == 1)
    }

    @Test("A guest that is still on its way down is waited for, and started")
    func lateShutdown() async throws {
        let server = server("poweredOn")
        server.state.withLock { $0.guestState = "shuttingDown" }
        let transport = server.transport
        async let starting: Void = start(transport, after: .shutDown)
        try await Task.sleep(for: .milliseconds(400))
        server.state.withLock { ($0.power, $0.guestState) = ("poweredOff", "notRunning") }
        try await starting
        #expect(server.state.withLock { $0.power } == "poweredOn")
        #expect(transport.count("PowerOnVM_Task") == 1)
    }

    @Test("A VM whose state the server does not tell is not called a running one")
    func unknown() async throws {
        let server = server("")
        let error = await #expect(throws: HypervisorError.self) { try await start(server.transport, after: .suspended) }
        #expect(error?.remedy == .retry)
    }
}
