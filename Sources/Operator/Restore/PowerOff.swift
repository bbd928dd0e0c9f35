internal import Engine
internal import Hypervisor
internal import Support

/// Switches a VM off and makes sure of it: nothing may be moved below one that runs.
struct PowerOff: Sendable {
    let hypervisor: any Hypervisor
    let id: String
    let name: String
    /// For how long a call that was given up is waited for.
    var timeout = Duration.seconds(15)

    private enum Seen: Equatable { case off, on, unseen(String) }

    /// Returns when the VM is seen to be off, or gone.
    /// - Throws: RestoreError: `.undone` where it keeps running; `.halfDone` where it may yet be switched off, or where
    ///   nobody can see what it does.
    func run() async throws {
        var problem: (any Error)?
        do {
            try await hypervisor.stop(id: id)
        } catch {
            problem = error
        }
        let mayYetBeOff = problem?.mayStillHappen == true
        let end = ContinuousClock.now + timeout
        var seen = await findState()
        // A server, or a libvirtd that is being restarted, may need a moment.
        while seen != .off, mayYetBeOff || seen != .on, .now < end {
            try await Task.sleep(for: .milliseconds(250))
            seen = await findState()
        }
        let shown = printable(name)
        switch seen {
        case .off: return
        case .on where mayYetBeOff:
            throw RestoreError(
                .halfDone,
                "\(shown) was not restored. It runs still, but the call to switch it off may yet come through; nothing else "
                    + "of it was touched", cause: problem)
        case .on:
            throw RestoreError(
                .undone,
                problem == nil
                    ? "\(shown) was not restored: it was switched off, and runs again; stop "
                        + "whatever starts it, and restore again" : "\(shown) was not restored", cause: problem)
        case .unseen(let why):
            throw RestoreError(
                .halfDone,
                "\(shown) was not restored. Whether it is off is not known (\(why)); nothing else of it was touched",
                cause: problem)
        }
    }

    /// Whether the VM is off, after another attempt to have it so.
    func isDone() async -> Bool { (try? await run()) != nil }

    private func findState() async -> Seen {
        do {
            let machine = try await hypervisor.virtualMachine(id: id)
            return machine == nil || machine?.power == .off ? .off : .on
        } catch {
            return .unseen("\(error)")
        }
    }
}

extension Error {
    /// A call that was given up may be carried out later.
    var mayStillHappen: Bool { (self as? HypervisorError)?.code == .timedOut }
}
