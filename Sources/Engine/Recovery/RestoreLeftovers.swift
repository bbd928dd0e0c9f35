package import Configuration
internal import DiskLocation
internal import Glibc
package import Hypervisor
internal import Logging
internal import RunState
internal import Support
internal import ZFS

/// What restores that were killed have left: clones with the property `stillpoint:restore`, and files beside the state.
package struct RestoreLeftovers: Sendable {
    package let context: ProgramContext
    package let configuration: Configuration

    package init(context: ProgramContext, configuration: Configuration) {
        self.context = context
        self.configuration = configuration
    }

    private enum CloneUse: Equatable {
        case unused
        case used(by: String)
        /// Why it cannot be known.
        case unknown(String)
    }

    private var zfs: ZFSCommand { context.zfs }

    /// What is there, for `stillpoint check`.
    package func findings() async -> [Finding] {
        let known = RestoreTrace.all(in: StateDirectory(configuration.stateDirectory))
        guard let clones = try? await zfs.clones(markedBy: RestoreTrace.property) else { return [] }
        return clones.filter { !$0.isMarked(byOneOf: known.living) }.map { clone in
            known.abandoned.contains { $0.id.text == clone.mark }
                ? Finding(
                    .restoreLeft, "the clone \(clone.name) was left by a restore that was killed",
                    fix: "stillpoint recover")
                : Finding(.restoreLeft, unknownText(clone))
        }
            + known.abandoned.filter { trace in !clones.contains { $0.mark == trace.id.text } }.map {
                Finding(
                    .restoreLeft, "the restore \($0.id) was killed and its remains are still there",
                    fix: "stillpoint recover")
            }
    }

    /// Removes copies of RAM dumps that no restore is at work on.
    static func removeRAMCopies(in folder: String) {
        let ending = ".ram.lock"
        for name in FileAccess.names(in: folder) where name.hasPrefix("restore-") && name.hasSuffix(ending) {
            let path = "\(folder)/\(name)"
            guard let lock = (try? FileLock(path: path)) ?? nil else { continue }
            lock.withLock {
                unlink(String(path.dropLast(".lock".count)))
                unlink(path)
            }
        }
    }

    /// Removes what no VM uses and names the rest; whether nothing is left that this host's restores have made.
    func remove(isDryRun: Bool) async -> Bool {
        let known = RestoreTrace.all(in: StateDirectory(configuration.stateDirectory))
        let clones: [Clone]
        do {
            clones = try await zfs.clones(markedBy: RestoreTrace.property)
        } catch {
            guard !known.abandoned.isEmpty else { return true }
            context.log.error("it is not known whether a killed restore left clones: \(error)")
            return false
        }
        var isDone = true
        let abandoned = clones.filter { !$0.isMarked(byOneOf: known.living) }
        let machines = abandoned.isEmpty ? ([], nil) : await machines()
        for clone in abandoned {
            if known.abandoned.contains(where: { $0.id.text == clone.mark }) {
                isDone = await remove(clone, machines, isDryRun: isDryRun) && isDone
            } else {
                context.log.warning("\(unknownText(clone))")
            }
        }
        guard isDone, !isDryRun else { return isDone }
        for trace in known.abandoned { trace.end() }
        return true
    }

    private func remove(
        _ clone: Clone, _ machines: (all: [VirtualMachine], silent: String?), isDryRun: Bool
    ) async -> Bool {
        let name = clone.name
        do {
            guard clone.origin != nil else {
                context.log.warning("\(name) is no clone any more, so it stays; \(keeping(name))")
                return true
            }
            switch try await use(of: name, machines) {
            case .used(let machine):
                let way =
                    "check whether the VM is as it was wanted; if not, undefine it, then: "
                    + "zfs destroy -r \(shellQuoted("\(name)"))"
                context.log.warning(
                    "the clone \(name) of a restore that was killed stays, since \(machine) has its disks there; \(way)"
                )
                if !isDryRun { try await zfs.clear(RestoreTrace.property, of: name) }
            case .unknown(let why):
                context.log.error("the clone \(name) of a restore that was killed stays for now: \(why)")
                return false
            case .unused where isDryRun:
                context.log.info("would destroy the clone \(name), which a restore that was killed has left")
            case .unused:
                try await zfs.destroyRetrying(name)
                context.log.info("destroyed the clone \(name), which a restore that was killed had left")
            }
            return true
        } catch {
            let way = "zfs destroy -r \(shellQuoted("\(name)"))"
            context.log.error(
                "the clone \(name) of a restore that was killed is left (\(error)); destroy it with: \(way)")
            return false
        }
    }

    private func unknownText(_ clone: Clone) -> String {
        "\(clone.name) carries \(RestoreTrace.property)=\(printable(clone.mark ?? "")), of which this state_dir knows "
            + "nothing; fix: if no restore is running, destroy it with: zfs destroy -r "
            + "\(shellQuoted("\(clone.name)")), "
            + "or \(keeping(clone.name))"
    }

    private func keeping(_ name: DatasetName) -> String {
        "keep it with: zfs inherit \(RestoreTrace.property) \(shellQuoted("\(name)"))"
    }

    /// All VMs, and which hypervisor did not answer.
    private func machines() async -> (all: [VirtualMachine], silent: String?) {
        let hypervisors = Hypervisors(configuration, context)
        var all: [VirtualMachine] = []
        var silent: String?
        do {
            for (hypervisor, answer) in await hypervisors.machines(
                before: .now + .seconds(120), of: try await hypervisors.all())
            {
                switch answer {
                case .success(let machines): all += machines
                case .failure(let error): silent = "\(hypervisor.name): \(error)"
                }
            }
        } catch {
            silent = "\(error)"
        }
        await hypervisors.close()
        return (all, silent)
    }

    private func use(
        of clone: DatasetName, _ machines: (all: [VirtualMachine], silent: String?)
    ) async throws -> CloneUse {
        let storage = try StorageMap(roots: context.roots)
        // A VM counts also while the clone is not mounted.
        let mountPoint = try await zfs.property("mountpoint", of: clone)
        let places = [mountPoint, clone.volumeLink()].compactMap { $0 }
        let user = DatasetUsers(storage: storage).machines(on: [clone], machines.all).first
        if let user { return .used(by: user) }
        for machine in machines.all {
            let paths = machine.disks.flatMap(\.chain)
            if paths.contains(where: { path in
                places.contains { path == $0 || path.hasPrefix($0 + "/") || path.hasPrefix($0 + "-part") }
            }) {
                return .used(by: "the VM \(printable(machine.name))")
            }
        }
        return machines.silent.map { .unknown("whether a VM uses it is not known (\($0))") } ?? .unused
    }
}

extension Clone {
    fileprivate func isMarked(byOneOf ids: Set<RunID>) -> Bool { mark.flatMap { RunID($0) }.map(ids.contains) ?? false }
}
