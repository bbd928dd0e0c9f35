import Hypervisor
import Support
import Synchronization
import XMLTree

@testable import VSphereHypervisor

/// A server with one VM, whose snapshots and tasks are as real as a test needs them.
final class FakeServer: Sendable {
    struct State: Sendable {
        var snapshots: [(reference: String, name: String, quiesced: Bool)] = []
        var tasks: [(reference: String, action: String, state: String, result: String?, fault: String?)] = []
        var lastID = 100
        /// Tasks end only when a test says so.
        var isSlow = false
        var needsConsolidation = false
        var isGone = false
        var power = "poweredOn"
        /// What the VM asks.
        var question: String?
        var guestState = "running"
        /// A guest that was asked to shut down does so.
        var isObedient = true
        /// Tasks that run are stopped when that is asked for.
        var isCancellable = false

        /// Ends the tasks that run, all of which are to bring the VM there.
        mutating func endTasks(_ power: String) {
            self.power = power
            for index in tasks.indices where tasks[index].state == "running" { tasks[index].state = "success" }
        }
    }

    /// What goes wrong with a call; asked first.
    typealias Trouble = @Sendable (ScriptedTransport.Received, Int) -> Effect?

    enum Effect: Sendable {
        case reply(ScriptedTransport.Reply)
        /// It is done, and the answer is lost.
        case lostAnswer
        /// The task fails, with nothing done.
        case taskFault(String)
        /// The task fails, with all done.
        case taskFaultAfter(String)
        /// The snapshot is made, not quiesced.
        case notQuiesced
    }

    let state = Mutex(State())
    private let trouble: Trouble

    init(_ trouble: @escaping Trouble = { _, _ in nil }) {
        self.trouble = trouble
    }

    var transport: ScriptedTransport {
        ScriptedTransport { [self] call, transport in
            let effect = trouble(call, transport.count(call.method))
            if case .reply(let reply) = effect { return reply }
            let reply = reply(call, effect)
            if case .lostAnswer = effect { return .dropped }
            return reply
        }
    }

    var names: [String] { state.withLock { $0.snapshots.map(\.name) } }

    private func reply(_ call: ScriptedTransport.Received, _ effect: Effect?) -> ScriptedTransport.Reply {
        state.withLock { state in
            switch call.method {
            case "RetrieveServiceContent": return .result(serviceContentXML)
            case "Login": return .result("<returnval><key>1</key></returnval>")
            case "Logout": return .result("")
            case "CancelTask":
                for index in state.tasks.indices where state.isCancellable && state.tasks[index].state == "running" {
                    state.tasks[index].state = "error"
                    state.tasks[index].fault = "RequestCanceled"
                }
                return .result("")
            case "SuspendVM_Task": return power("suspend", to: "suspended", effect, &state)
            case "PowerOnVM_Task": return power("powerOn", to: "poweredOn", effect, &state)
            case "ShutdownGuest":
                guard state.power == "poweredOn" else { return .fault("InvalidPowerState") }
                if state.isObedient { state.power = "poweredOff" }
                return .result("")
            case "CreateSnapshotEx_Task":
                return task("createSnapshot", effect, &state) { state in
                    state.lastID += 1
                    let reference = "snapshot-\(state.lastID)"
                    var isQuiesced = call.body.first("quiesceSpec") != nil
                    if case .notQuiesced = effect { isQuiesced = false }
                    state.snapshots.append((reference, call.argument("name") ?? "", isQuiesced))
                    return reference
                }
            case "RemoveSnapshot_Task":
                guard state.snapshots.contains(where: { $0.reference == call.target }) else {
                    return .fault(
                        "ManagedObjectNotFound", more: "<obj type=\"VirtualMachineSnapshot\">\(call.target)</obj>")
                }
                return task("removeSnapshot", effect, &state) { state in
                    state.snapshots.removeAll { $0.reference == call.target }
                    return nil
                }
            case "ConsolidateVMDisks_Task":
                return task("consolidateVMDisks", effect, &state) { state in
                    state.needsConsolidation = false
                    return nil
                }
            case "RetrievePropertiesEx": return .result("<returnval>\(objects(call, state))</returnval>")
            default: return .fault("NotSupported")
            }
        }
    }

    private func power(
        _ action: String, to wanted: String, _ effect: Effect?, _ state: inout State
    ) -> ScriptedTransport.Reply {
        if state.isGone {
            return .fault("ManagedObjectNotFound", more: "<obj type=\"VirtualMachine\">vm-1</obj>")
        }
        let effect = state.power == wanted ? .taskFault("InvalidPowerState") : effect
        return task(action, effect, &state) { state in
            if !state.isSlow { state.power = wanted }
            return nil
        }
    }

    private func task(
        _ action: String, _ effect: Effect?, _ state: inout State, _ work: (inout State) -> String?
    ) -> ScriptedTransport.Reply {
        state.lastID += 1
        let reference = "task-\(state.lastID)"
        var fault: String?
        var result: String?
        switch effect {
        case .taskFault(let name): fault = name
        case .taskFaultAfter(let name):
            _ = work(&state)
            fault = name
        default: result = work(&state)
        }
        let end = fault == nil ? "success" : "error"
        state.tasks.append((reference, action, state.isSlow ? "running" : end, result, fault))
        return .result("<returnval type=\"Task\">\(reference)</returnval>")
    }

    private func objects(_ call: ScriptedTransport.Received, _ state: State) -> String {
        let asked = call.body.first("specSet")?.children(named: "objectSet") ?? []
        var tasks: [String] = []
        var wantsMachine = false
        for object in asked.compactMap({ MoRef($0.first("obj")) }) {
            switch object.type {
            case "Task": tasks.append(object.value)
            case "TaskManager": tasks += state.tasks.map(\.reference)
            default: wantsMachine = wantsMachine || true
            }
        }
        var text = ""
        for task in state.tasks where tasks.contains(task.reference) {
            text += "<objects><obj type=\"Task\">\(task.reference)</obj>"
            text += property("info.state", task.state)
            text += property("info.descriptionId", "VirtualMachine.\(task.action)")
            text += "<propSet><name>info.entity</name><val type=\"VirtualMachine\">vm-1</val></propSet>"
            if let result = task.result {
                text += "<propSet><name>info.result</name><val type=\"VirtualMachineSnapshot\" "
                text += "xsi:type=\"ManagedObjectReference\">\(result)</val></propSet>"
            }
            if let fault = task.fault {
                text +=
                    "<propSet><name>info.error</name><val xsi:type=\"LocalizedMethodFault\"><fault xsi:type=\"\(fault)\"/>"
                text += "<localizedMessage>It went wrong.</localizedMessage></val></propSet>"
            }
            text += "</objects>"
        }
        guard wantsMachine, !state.isGone else { return text }
        text += "<objects><obj type=\"VirtualMachine\">vm-1</obj>" + property("runtime.powerState", state.power)
        text += property("guest.guestState", state.guestState)
        if let question = state.question {
            text += "<propSet><name>runtime.question</name><val xsi:type=\"VirtualMachineQuestionInfo\"><id>1</id>"
            text += "<text>\(question)</text></val></propSet>"
        }
        text += property("runtime.consolidationNeeded", "\(state.needsConsolidation)")
        if !state.snapshots.isEmpty {
            text += "<propSet><name>snapshot</name><val xsi:type=\"VirtualMachineSnapshotInfo\">"
            for snapshot in state.snapshots {
                text += "<rootSnapshotList><snapshot type=\"VirtualMachineSnapshot\">\(snapshot.reference)</snapshot>"
                text += "<name>\(snapshot.name)</name><state>poweredOn</state><quiesced>\(snapshot.quiesced)</quiesced>"
                text += "</rootSnapshotList>"
            }
            text += "</val></propSet>"
        }
        return text + "</objects>"
    }

    private func property(_ name: String, _ value: String) -> String {
        "<propSet><name>\(name)</name><val xsi:type=\"xsd:string\">\(value)</val></propSet>"
    }
}

/// A session with a server of a test.
func testSession(_ transport: any Transport) -> Session {
    Session(url: "https://vc.test/sdk", username: "stillpoint", transport: transport) { Secret("p&w<d") }
}

/// A watch over the tasks of a session.
func testPoller(_ session: Session) -> TaskPoller {
    TaskPoller { try await session.progress(of: $0, vms: $1, until: $2) }
}
