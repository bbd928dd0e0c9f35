internal import Configuration
internal import Engine
internal import Glibc
internal import Hypervisor
internal import RunState
internal import Support
internal import ZFS

/// What somebody who is not root needs for a run. It is all said at once: who corrects one thing after another takes
/// crash-consistent snapshots meanwhile.
extension PreSnapshot {
    /// - Throws: MissingRightsError.
    func requireRights(_ call: Call, _ hypervisors: Hypervisors) async throws {
        var (missing, fixes): ([String], [String]) = ([], [])
        var plan: [PlannedVM] = []
        let all = try await hypervisors.enabled()
        for (hypervisor, answer) in await hypervisors.machines(before: call.timeout?.work, of: all) {
            switch answer {
            case .success(let machines): plan += call.planner.plan(machines, of: hypervisor)
            case .failure(let error):
                guard Self.isDenied(error) else { continue }
                let trouble = printable("\(error)", limit: 300)
                missing.append(
                    "talk to [hypervisor \(printable(hypervisor.name))] (\(trouble)), so that it is not known which disks "
                        + "it must be able to read and write")
                fixes.append("usermod -aG libvirt \(userArgument)")
            }
        }
        // Of a dataset that holds no VM nothing is needed.
        guard !plan.isEmpty || !missing.isEmpty else { return }
        let needsRAM = plan.contains { $0.strategies.contains(.memory) }
        var folders = [(FolderKey.stateDirectory, configuration.stateDirectory)]
        if all.contains(where: { $0.overlayDirectory != nil }) {
            folders.append((.overlayDirectory, configuration.overlayDirectory))
            if needsRAM { folders.append((.ramDirectory, configuration.ramDirectory)) }
        }
        for (key, path) in folders where !context.user.mayMake(path) {
            missing.append("write to \(key.rawValue) \(path)")
            fixes.append("chown \(userArgument) \(shellQuoted(path))")
        }
        let images = Set(plan.flatMap(\.disks).compactMap(\.source)).sorted().filter {
            fileExists($0) && !context.user.may(R_OK | W_OK, $0)
        }
        if let first = images.first {
            let more = images.count > 1 ? " and \(images.count - 1) more" : ""
            missing.append("read and write the disk \(printable(first, limit: 300))\(more)")
        }
        for target in call.scope.targets {
            guard let lack = await lackOfZFS(target) else { continue }
            missing.append(lack.what)
            if let fix = lack.fix { fixes.append(fix) }
        }
        guard missing.isEmpty else {
            throw MissingRightsError(context.user, missing: missing, fixes: fixes.withoutRepeated)
        }
    }

    private var userArgument: String { shellQuoted(context.user.name) }

    /// As libvirt and polkit say it.
    private static func isDenied(_ error: any Error) -> Bool {
        let text = "\(error)"
        return ["ermission denied", "uthentication", "access denied", "not authorized", "user record"].contains {
            text.has($0)
        }
    }

    /// Why the user cannot say on a dataset's snapshots what each VM got; nil also where zfs does not tell.
    private func lackOfZFS(_ dataset: DatasetName) async -> (what: String, fix: String?)? {
        do {
            _ = try await context.zfs.exists(dataset.rawValue)
            guard let delegated = try await context.zfs.delegations(on: dataset),
                !delegated.allows("userprop", user: context.user.id, groups: Self.groups)
            else { return nil }
            return (
                "set properties of \(dataset)'s snapshots",
                "zfs allow \(userArgument) userprop \(shellQuoted(dataset.rawValue))"
            )
        } catch {
            return ("use zfs on \(dataset) (\(error))", nil)
        }
    }

    private static var groups: [gid_t] {
        let count = getgroups(0, nil)
        guard count > 0 else { return [getegid()] }
        var found = [gid_t](repeating: 0, count: Int(count))
        return found.withUnsafeMutableBufferPointer { getgroups(count, $0.baseAddress) } < 0
            ? [getegid()] : found + [getegid()]
    }
}

extension [String] {
    fileprivate var withoutRepeated: [String] {
        enumerated().filter { !self[..<$0.offset].contains($0.element) }.map(\.element)
    }
}
