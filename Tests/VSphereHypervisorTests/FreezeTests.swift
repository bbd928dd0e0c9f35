import Hypervisor
import Synchronization
import Testing
import XMLTree

@testable import VSphereHypervisor

@Suite("Freezing a VM by a snapshot")
struct FreezeTests {
    /// What the journal was told, in order.
    private final class Records: Sendable {
        let holds = Mutex<[FreezeState?]>([])
        var all: [FreezeState?] { holds.withLock { $0 } }
        func record(_ freezeState: FreezeState?) { holds.withLock { $0.append(freezeState) } }
    }

    private let records = Records()

    private func details(_ devices: String = "", tools: String = "guestToolsRunning", more: String = "") throws
        -> VMDetails
    {
        try fixtureDetails(
            """
            <propSet><name>guest.toolsRunningStatus</name><val>\(tools)</val></propSet>\
            <propSet><name>config.hardware.device</name><val>\(fixtureDisk())\(devices)</val></propSet>\(more)
            """)
    }

    private func freeze(
        _ server: FakeServer, _ details: VMDetails? = nil, strategy: Strategy = .quiesce,
        within limit: Duration = .seconds(8), transport: ScriptedTransport? = nil
    ) async throws -> FreezeResult {
        let session = testSession(transport ?? server.transport)
        let details = try details ?? self.details()
        let vm = details.virtualMachine(DatastoreMap([], rules: StorageRules(), resolver: NoDatastores()))
        let request = FreezeRequest(
            machine: vm, disks: vm.disks, strategy: strategy, run: "R1", deadline: .now + limit)
        return try await SnapshotFreeze(
            session: session, poller: testPoller(session), details: details, request: request, quiesceAttempts: 2,
            record: { [records] in records.record($0) }
        ).run()
    }

    @Test("The hold is recorded before the call by its name, and after it with its MoRef")
    func journal() async throws {
        let server = FakeServer()
        let result = try await freeze(server)
        #expect(result.consistency == .quiesced)
        #expect(server.names == ["stillpoint R1"])
        #expect(records.all.map { $0?.step } == [.preparing, .held])
        #expect(records.all.map { $0?.snapshot } == ["stillpoint R1", "stillpoint R1"])
        #expect(records.all.last??.reference == server.state.withLock { $0.snapshots[0].reference })
    }

    @Test("A snapshot that the server does not call quiesced is worth a crash, and held all the same")
    func notQuiesced() async throws {
        let server = FakeServer { call, _ in call.method == "CreateSnapshotEx_Task" ? .notQuiesced : nil }
        let result = try await freeze(server)
        #expect(result.consistency == .crash)
        #expect(result.notes.count == 1)
        #expect(records.all.last??.step == .held)
    }

    @Test("A snapshot with memory is worth that")
    func memory() async throws {
        #expect(try await freeze(FakeServer(), strategy: .memory).consistency == .memory)
    }

    @Test(
        "What passes is tried again, and one snapshot is made",
        arguments: [
            FakeServer.Effect.taskFault("FileLocked"), .taskFault("TaskInProgress"), .reply(.fault("ConcurrentAccess")),
            .reply(.status(503)), .reply(.dropped),
        ])
    func transient(_ effect: FakeServer.Effect) async throws {
        let server = FakeServer { call, count in
            call.method == "CreateSnapshotEx_Task" && count <= 2 ? effect : nil
        }
        #expect(try await freeze(server).consistency == .quiesced)
        #expect(server.names == ["stillpoint R1"])
    }

    @Test("A guest that cannot be quiesced is asked so often as is configured, and nothing is held")
    func quiesceFault() async throws {
        let server = FakeServer { call, _ in
            call.method == "CreateSnapshotEx_Task" ? .taskFault("ApplicationQuiesceFault") : nil
        }
        let transport = server.transport
        let error = await #expect(throws: HypervisorError.self) { try await freeze(server, transport: transport) }
        #expect(error?.remedy == .fallBack)
        #expect(error?.code == .notQuiesced)
        #expect(transport.count("CreateSnapshotEx_Task") == 2)
        #expect(records.all.last == .some(nil))
        #expect(server.names.isEmpty)
    }

    @Test("A snapshot that a failed attempt left is removed")
    func leftByFault() async throws {
        let server = FakeServer { call, _ in
            call.method == "CreateSnapshotEx_Task" ? .taskFaultAfter("FilesystemQuiesceFault") : nil
        }
        await #expect(throws: HypervisorError.self) { try await freeze(server) }
        #expect(server.names.isEmpty)
        #expect(records.all.last == .some(nil))
    }

    @Test("A lost answer is no failure: the snapshot is found by its name, and none is made beside it")
    func lostAnswer() async throws {
        let server = FakeServer { call, count in
            call.method == "CreateSnapshotEx_Task" && count == 1 ? .lostAnswer : nil
        }
        let transport = server.transport
        #expect(try await freeze(server, transport: transport).consistency == .quiesced)
        #expect(transport.count("CreateSnapshotEx_Task") == 1)
        #expect(records.all.last??.reference != nil)
    }

    @Test("A server that fell silent after a call leaves the hold recorded")
    func doubt() async throws {
        let server = FakeServer { call, count in
            if call.method == "CreateSnapshotEx_Task" { return .lostAnswer }
            return call.method == "RetrievePropertiesEx" ? .reply(.dropped) : nil
        }
        let error = await #expect(throws: HypervisorError.self) { try await freeze(server, within: .seconds(3)) }
        #expect(error?.remedy == .stop)
        #expect(records.all.last??.step == .preparing)
    }

    @Test("A server that is gone after it has started the task leaves the hold recorded")
    func goneAfterStart() async throws {
        let server = FakeServer { call, _ in call.method == "RetrievePropertiesEx" ? .reply(.unreachable) : nil }
        let error = await #expect(throws: HypervisorError.self) { try await freeze(server, within: .seconds(3)) }
        #expect(error?.remedy == .stop)
        #expect(records.all.last??.step == .preparing)
    }

    @Test("A call that the server may still get to is not made again, and the hold stays recorded")
    func silence() async throws {
        let server = FakeServer { call, _ in call.method == "CreateSnapshotEx_Task" ? .reply(.silence) : nil }
        let transport = server.transport
        let error = await #expect(throws: HypervisorError.self) { try await freeze(server, transport: transport) }
        #expect(error?.remedy == .stop)
        #expect(transport.count("CreateSnapshotEx_Task") == 1)
        #expect(records.all.last??.step == .preparing)
    }

    @Test("A task that does not end before the deadline, nor when cancelled, leaves the hold recorded")
    func stuck() async throws {
        let server = FakeServer()
        server.state.withLock { $0.isSlow = true }
        let transport = server.transport
        let error = await #expect(throws: HypervisorError.self) {
            try await freeze(server, within: .seconds(5), transport: transport)
        }
        #expect(error?.remedy == .stop)
        #expect(transport.count("CancelTask") == 1)
        #expect(records.all.last??.step == .preparing)
    }

    @Test("What is permanent falls back at once", arguments: ["NotSupported", "NoPermission", "InvalidPowerState"])
    func permanent(_ fault: String) async throws {
        let server = FakeServer { call, _ in
            call.method == "CreateSnapshotEx_Task" ? .reply(.fault(fault)) : nil
        }
        let transport = server.transport
        let error = await #expect(throws: HypervisorError.self) { try await freeze(server, transport: transport) }
        #expect(error?.remedy == .fallBack)
        #expect(transport.count("CreateSnapshotEx_Task") == 1)
        #expect(records.all.last == .some(nil))
    }

    @Test(
        "What forbids snapshots is known beforehand: nothing is recorded nor asked",
        arguments: [
            fixtureDevice("VirtualPCIPassthrough"), fixtureDevice("VirtualSriovEthernetCard"),
            fixtureDisk(unit: 1, "<compatibilityMode>physicalMode</compatibilityMode>"),
            fixtureDisk(unit: 1, "<sharing>sharingMultiWriter</sharing>"),
            fixtureDevice(
                "VirtualLsiLogicSASController", "<busNumber>1</busNumber><sharedBus>physicalSharing</sharedBus>"),
        ])
    func obstacles(_ device: String) async throws {
        let transport = FakeServer().transport
        let error = await #expect(throws: HypervisorError.self) {
            try await freeze(FakeServer(), details(device), transport: transport)
        }
        #expect(error?.remedy == .fallBack)
        #expect(records.all.isEmpty)
        #expect(transport.received.isEmpty)
    }

    @Test("A snapshot with memory needs all disks of the VM in the storage snapshot: RAM and disks are of one instant")
    func memoryOfAllDisks() throws {
        let details = try details(fixtureDisk(unit: 1))
        #expect(details.obstacle(to: .memory, targets: ["scsi0:0", "scsi0:1"]) == nil)
        #expect(details.obstacle(to: .memory, targets: ["scsi0:0"])?.message.contains("scsi0:1") == true)
        #expect(details.obstacle(to: .quiesce, targets: ["scsi0:0"]) == nil)
    }

    @Test("Without running tools there is no quiescing, but a snapshot with memory")
    func noTools() async throws {
        let details = try details(tools: "guestToolsNotRunning")
        await #expect(throws: HypervisorError.self) { try await freeze(FakeServer(), details) }
        #expect(try await freeze(FakeServer(), details, strategy: .memory).consistency == .memory)
    }
}
