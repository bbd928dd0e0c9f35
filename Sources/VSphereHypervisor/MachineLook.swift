internal import Storage

/// A VM and what is being done to it, seen when an answer got lost or a task failed.
struct MachineLook: Sendable {
    /// Nil: the VM is not there any more.
    let state: MachineState?
    /// The tasks that run on it.
    let running: [TaskState]

    /// A running task that makes a snapshot: it may be ours, whose answer got lost.
    var creation: TaskState? { running.first { $0.action.has("createSnapshot") || $0.action.has("CreateSnapshot") } }
    /// A running task that removes one.
    var removal: TaskState? { running.first { $0.action.has("removeSnapshot") || $0.action.has("RemoveSnapshot") } }
}

extension Session {
    /// Looks at a VM in one call.
    nonisolated func look(at machine: Reference, until deadline: ContinuousClock.Instant) async throws -> MachineLook {
        var request = PropertyRequest()
        request.want(MachineState.paths, of: "VirtualMachine")
        request.want(TaskState.pathsWithPurpose, of: "Task")
        request.add(all: "recentTask", of: machine, isWanted: true)
        // A server's own list goes on where a VM's has none; of what it lists, that of this VM counts.
        if let manager = try await open().content.taskManager { request.add(all: "recentTask", of: manager) }
        let objects: [ObjectProperties]
        do {
            objects = try await properties(request, until: deadline)
        } catch let error as CallFailure where error.fault?.sort == .missing && error.fault?.object != machine {
            // A task that ended while it was listed.
            objects = try await state(of: machine, until: deadline)
        } catch let error as CallFailure where error.fault?.sort == .missing {
            return MachineLook(state: nil, running: [])
        }
        let tasks = objects.filter { $0.object.type == "Task" }.map(TaskState.init)
        var running: [TaskState] = []
        for task in tasks where task.isRunning && task.entity == machine {
            if !running.contains(where: { $0.reference == task.reference }) { running.append(task) }
        }
        return MachineLook(state: objects.first { $0.object == machine }.map(MachineState.init), running: running)
    }

    private nonisolated func state(
        of machine: Reference, until deadline: ContinuousClock.Instant
    ) async throws -> [ObjectProperties] {
        var request = PropertyRequest()
        request.want(MachineState.paths, of: "VirtualMachine")
        request.add(machine)
        return try await properties(request, until: deadline)
    }
}
