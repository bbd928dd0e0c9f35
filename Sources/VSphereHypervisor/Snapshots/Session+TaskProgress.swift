internal import Hypervisor

extension Session {
    /// The state of tasks and VMs in one call; see `TaskPoller.Read`.
    nonisolated func progress(
        of tasks: [MoRef], vms: [MoRef], until deadline: ContinuousClock.Instant
    ) async throws -> [ObjectProperties] {
        var gone: Set<MoRef> = []
        while true {
            var request = PropertyRequest()
            request.want(TaskState.paths, of: "Task")
            request.want(VMState.paths, of: "VirtualMachine")
            // Tasks first: a VM is then seen after its task.
            for object in tasks + vms where !gone.contains(object) { request.add(object) }
            if request.isEmpty { return [] }
            do {
                return try await properties(request, until: deadline)
            } catch let error as CallFailure {
                // An older server fails the whole call for one object that is not there, and names it.
                guard error.fault?.kind == .missing, let object = error.fault?.object, !gone.contains(object),
                    (tasks + vms).contains(object)
                else { throw error }
                gone.insert(object)
            }
        }
    }
}
