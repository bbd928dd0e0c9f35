import Hypervisor
import Synchronization
import Testing

@testable import VSphereHypervisor

@Suite("Releasing a VM from its snapshot")
struct ReleaseTests {
    private func server(_ trouble: @escaping FakeServer.Trouble = { _, _ in nil }) -> FakeServer {
        let server = FakeServer(trouble)
        server.state.withLock {
            $0.snapshots = [("snapshot-1", "mine", false), ("snapshot-2", "stillpoint R1", true)]
        }
        return server
    }

    private func release(
        _ transport: ScriptedTransport, reference: String? = "snapshot-2", step: FreezeState.Step = .held
    ) async throws -> (notes: [String], last: FreezeState?) {
        let session = testSession(transport)
        let last = Mutex<FreezeState?>(FreezeState(step: .preparing, snapshot: "never told", disks: []))
        let request = ReleaseRequest(
            machineID: "vm-1",
            freezeState: FreezeState(step: step, snapshot: "stillpoint R1", reference: reference, disks: []))
        let result = try await SnapshotRelease(
            session: session, poller: testPoller(session), request: request, limit: .seconds(8),
            record: { freezeState in last.withLock { $0 = freezeState } }
        ).run()
        return (result.notes, last.withLock { $0 })
    }

    @Test("One read, one call, one read: the snapshot is removed, the user's stays")
    func plain() async throws {
        let server = server()
        let transport = server.transport
        let (notes, last) = try await release(transport)
        #expect(notes.isEmpty)
        #expect(last == nil)
        #expect(server.names == ["mine"])
        #expect(transport.count("RemoveSnapshot_Task") == 1)
        #expect(transport.count("RetrievePropertiesEx") == 2)
        let call = try required(transport.received.first { $0.method == "RemoveSnapshot_Task" })
        #expect(call.argument("removeChildren") == "false")
        #expect(call.argument("consolidate") == "true")
    }

    @Test("Without a MoRef it is found by its exact name")
    func byName() async throws {
        let server = server()
        server.state.withLock { $0.snapshots.append(("snapshot-3", "stillpoint R12", true)) }
        _ = try await release(server.transport, reference: nil)
        #expect(server.names == ["mine", "stillpoint R12"])
    }

    @Test("A MoRef that is not valid any more is found anew by name")
    func changedMoRef() async throws {
        let server = server()
        _ = try await release(server.transport, reference: "snapshot-99")
        #expect(server.names == ["mine"])
    }

    @Test("A MoRef that means another's snapshot by now is not used")
    func foreignMoRef() async throws {
        let server = server()
        _ = try await release(server.transport, reference: "snapshot-1")
        #expect(server.names == ["mine"])
    }

    @Test("One that is gone is a success, and reported")
    func gone() async throws {
        let server = server()
        server.state.withLock { _ = $0.snapshots.popLast() }
        let (notes, last) = try await release(server.transport)
        #expect(notes == ["somebody had already removed the VM snapshot"])
        #expect(last == nil)
        #expect(try await release(server.transport, step: .releasing).notes.isEmpty)
    }

    @Test("A VM that is gone is a success, and reported")
    func machineGone() async throws {
        let server = server()
        server.state.withLock {
            $0.snapshots = []
            $0.isGone = true
        }
        let (notes, last) = try await release(server.transport)
        #expect(notes.count == 1)
        #expect(last == nil)
    }

    @Test(
        "What passes is tried again",
        arguments: [FakeServer.Effect.taskFault("FileLocked"), .reply(.status(503)), .reply(.dropped)])
    func transient(_ effect: FakeServer.Effect) async throws {
        let server = server { call, count in call.method == "RemoveSnapshot_Task" && count <= 2 ? effect : nil }
        _ = try await release(server.transport)
        #expect(server.names == ["mine"])
    }

    @Test(
        "A lost answer, or a fault after the act, is seen in the tree",
        arguments: [FakeServer.Effect.lostAnswer, .taskFaultAfter("HostCommunication")])
    func lostAnswer(_ effect: FakeServer.Effect) async throws {
        let server = server { call, count in call.method == "RemoveSnapshot_Task" && count == 1 ? effect : nil }
        let transport = server.transport
        let (notes, last) = try await release(transport)
        #expect(notes.isEmpty)
        #expect(last == nil)
        #expect(transport.count("RemoveSnapshot_Task") == 1)
    }

    @Test("Without the privilege the hold stays, and the privilege is named")
    func noPermission() async throws {
        let more = "<privilegeId>VirtualMachine.State.RemoveSnapshot</privilegeId>"
        let server = server { call, _ in
            call.method == "RemoveSnapshot_Task" ? .reply(.fault("NoPermission", more: more)) : nil
        }
        let error = await #expect(throws: HypervisorError.self) { try await release(server.transport) }
        #expect(error?.remedy == .stop)
        #expect(error?.message.hasSuffix("VirtualMachine.State.RemoveSnapshot") == true)
    }

    @Test("Disks that need consolidation get it", arguments: [0, 2])
    func consolidation(_ failures: Int) async throws {
        let server = server { call, count in
            call.method == "ConsolidateVMDisks_Task" && count <= failures ? .taskFault("FileLocked") : nil
        }
        server.state.withLock { $0.needsConsolidation = true }
        let transport = server.transport
        _ = try await release(transport)
        #expect(transport.count("ConsolidateVMDisks_Task") == failures + 1)
        #expect(server.state.withLock { !$0.needsConsolidation })
    }

    @Test("A snapshot that is still being made keeps the run open")
    func creationRuns() async throws {
        let server = FakeServer()
        server.state.withLock { $0.tasks = [("task-1", "createSnapshot", "running", nil, nil)] }
        let error = await #expect(throws: HypervisorError.self) { try await release(server.transport, reference: nil) }
        #expect(error?.remedy == .retry)
    }
}
