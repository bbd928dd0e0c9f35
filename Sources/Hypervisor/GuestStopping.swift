/// A back end that can freeze a guest's file systems and leave them frozen, its disks where they are: the strategy `freeze`.
///
/// ``Hypervisor/thaw(id:)`` ends it. It is all that a back end needs which has an agent in the guest and no overlays.
public protocol FileSystemFreezing: Hypervisor {
    /// Freezes the guest's file systems on the disks that are asked for.
    ///
    /// The caller has recorded before that a thaw is pending.
    /// - Throws: HypervisorError. With `.fallBack` or `.retry` the guest is not frozen, and will not come to be by this call;
    ///   with `.stop` it may be.
    func freezeFileSystems(_ request: FreezeRequest) async throws -> FreezeResult
}

/// A back end that can stop a VM's processors: the strategy `pause`.
public protocol ProcessorPausing: Hypervisor {
    /// Stops the processors of a running VM.
    /// - Parameter deadline: when that is given up; nil: nobody waits for it.
    /// - Returns: what an administrator should know.
    /// - Throws: HypervisorError. With `.fallBack` or `.retry` the VM runs, and this call will not stop it; with `.stop` it may.
    func pause(id: String, before deadline: ContinuousClock.Instant?) async throws -> [String]

    /// Lets a VM run that was paused; fine when it runs, is off, or is gone.
    /// - Throws: HypervisorError, also as long as a pause that was given up may still come.
    func resume(id: String) async throws
}

/// A back end that can shut a guest down and start its VM again: the strategy `shutdown`.
public protocol GuestShutdown: Hypervisor {
    /// Asks a running guest to shut down and waits until its VM is off.
    /// - Parameter deadline: when that is given up.
    /// - Throws: HypervisorError. With `.fallBack` or `.retry` the guest was not asked; with `.stop` it was, and may still come
    ///   to be off.
    func shutDown(id: String, before deadline: ContinuousClock.Instant) async throws

    /// Starts a VM that is off, and waits until it runs; fine when it does, or when it is gone.
    func start(id: String) async throws
}
