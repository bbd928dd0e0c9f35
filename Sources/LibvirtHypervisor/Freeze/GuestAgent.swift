internal import Hypervisor

/// What a guest's agent is asked before it is asked to freeze.
struct GuestAgent: Sendable {
    let domain: Domain
    let description: DomainDescription
    /// The VM's name, for messages.
    let name: String
    /// For each question.
    let timeout: Duration

    /// - Throws: HypervisorError `.notQuiesced`.
    func requireChannel() throws {
        switch description.agent {
        case .connected: return
        case .none: throw HypervisorError.notQuiesced("the VM has no guest agent channel", .agentMissing)
        case .disconnected: throw HypervisorError.notQuiesced("the guest agent is not running", .agentSilent)
        }
    }

    /// Chooses which of the guest's file systems are frozen. That is also the question whether the agent answers at all.
    /// - Parameter disks: targets of those that the snapshot holds.
    /// - Throws: HypervisorError `.notQuiesced`, also where it is silent.
    func selection(of disks: [Disk]) async throws -> FreezeSelection {
        let held = Set(disks.map(\.target))
        let writable = Set(description.disks.map(\.disk).filter { $0.exclusion == nil }.map(\.target))
        let (listed, system) = try await answeredFileSystems()
        return FreezeSelection(listed, held: held, writable: writable, system: system)
    }

    private func answeredFileSystems() async throws -> ([GuestFileSystem]?, system: String?) {
        do {
            return try await fileSystems()
        } catch let error as LibvirtError {
            throw HypervisorError.notQuiesced("the guest agent does not answer", .agentSilent, cause: error)
        } catch let error as HypervisorError where error.code == .timedOut {
            throw error.with(.agentSilent)
        }
    }

    /// - Returns: its file systems; where its agent does not list them, nil and what it calls its system, if it tells.
    private func fileSystems() async throws -> ([GuestFileSystem]?, system: String?) {
        try await blocking("listing the file systems of \(name)", within: timeout * 2) {
            try domain.setAgentTimeout(timeout)
            do {
                return (try domain.fileSystems(), nil)
            } catch let error as LibvirtError where error.saysThatGuestIsFrozen {
                throw HypervisorError.notQuiesced(
                    "somebody else has frozen the guest, and has not thawed it", .vmBusy, cause: error)
            } catch let error as LibvirtError where !error.isAgentSilent {
                // The agent is there but will not list them: freeze all.
                return (nil, try? domain.operatingSystem())
            }
        }
    }
}
