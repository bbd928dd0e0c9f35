internal import Support

/// A VM and what is being done to it, seen when an answer got lost or a task failed.
struct VMTaskView: Sendable {
    /// Nil: the VM is not there any more.
    let state: VMState?
    /// The tasks of late that worked on it, or still do.
    let tasks: [TaskState]

    private var running: [TaskState] { tasks.filter(\.isRunning) }

    /// A running task that makes a snapshot: it may be ours, whose answer got lost.
    var creation: TaskState? { running.first(where: \.isCreation) }
    /// A running task that removes one.
    var removal: TaskState? { running.first { $0.action.has("removeSnapshot") || $0.action.has("RemoveSnapshot") } }

    /// A running task that suspends the VM.
    var suspension: TaskState? { running.first { $0.action.has(".suspend") || $0.action.has("SuspendVM") } }

    /// A task says that it made a snapshot which the tree does not have: it was removed, or the tree was read too early.
    var mayBeStale: Bool {
        tasks.contains { task in
            guard task.isCreation, case .done(let result) = task.progress, let state else { return false }
            return !state.snapshots.contains { $0.reference == result }
        }
    }
}

extension TaskState {
    fileprivate var isCreation: Bool { action.has("createSnapshot") || action.has("CreateSnapshot") }
}

extension Session {
    /// Reads a VM and its tasks in one call.
    nonisolated func inspect(_ vm: MoRef, until deadline: ContinuousClock.Instant) async throws -> VMTaskView {
        var request = PropertyRequest()
        request.want(VMState.pathsWithObstacles, of: "VirtualMachine")
        request.want(TaskState.pathsWithPurpose, of: "Task")
        // Tasks first: a task that has ended by then has had its effect on the VM when that is read. Of the server's own
        // list, what is of this VM counts.
        request.add(all: "recentTask", of: vm)
        if let manager = try await open(until: deadline).content.taskManager {
            request.add(all: "recentTask", of: manager)
        }
        request.add(vm)
        let objects: [ObjectProperties]
        do {
            objects = try await properties(request, until: deadline)
        } catch let error as CallFailure where error.fault?.kind == .missing && error.fault?.object != vm {
            // A task that ended while it was listed.
            objects = try await state(of: vm, until: deadline)
        } catch let error as CallFailure where error.fault?.kind == .missing {
            return VMTaskView(state: nil, tasks: [])
        }
        var tasks: [TaskState] = []
        for task in objects.filter({ $0.object.type == "Task" }).map(TaskState.init) where task.entity == vm {
            if !tasks.contains(where: { $0.reference == task.reference }) { tasks.append(task) }
        }
        return VMTaskView(state: objects.first { $0.object == vm }.map(VMState.init), tasks: tasks)
    }

    private nonisolated func state(
        of vm: MoRef, until deadline: ContinuousClock.Instant
    ) async throws -> [ObjectProperties] {
        var request = PropertyRequest()
        request.want(VMState.pathsWithObstacles, of: "VirtualMachine")
        request.add(vm)
        return try await properties(request, until: deadline)
    }
}
