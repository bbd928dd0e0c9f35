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
        var missing: [String] = []
        var plan: [PlannedVM] = []
        let all = try await hypervisors.enabled()
        for (hypervisor, answer) in await hypervisors.machines(before: call.timeout?.work, of: all) {
            switch answer {
            case .success(let machines): plan += call.planner.plan(machines, of: hypervisor)
            case .failure(let error):
                guard Self.isDenied(error) else { continue }
                missing.append(
                    "talk to [hypervisor \(printable(hypervisor.name))] (\(printable("\(error)", limit: 300)))")
            }
        }
        // Of a dataset that holds no VM nothing is needed.
        guard !plan.isEmpty || !missing.isEmpty else { return }
        let isDenied = !missing.isEmpty
        let needsRAM = plan.contains { $0.strategies.contains(.memory) }
        var folders = [(FolderKey.stateDirectory, configuration.stateDirectory)]
        if all.contains(where: { $0.overlayDirectory != nil }) {
            folders.append((.overlayDirectory, configuration.overlayDirectory))
            if needsRAM { folders.append((.ramDirectory, configuration.ramDirectory)) }
        }
        for (key, path) in folders where !context.user.mayMake(path) {
            missing.append("write to \(key.rawValue) \(path)")
        }
        // libvirt gives an overlay to QEMU's user, as it did with the disk: who may not open it cannot release the VM.
        let onOverlays = plan.filter { $0.mayGetOverlays && $0.hypervisor.overlayDirectory != nil }
        let images = Set(onOverlays.flatMap(\.disks).compactMap(\.source)).sorted()
        // Where no VM is known, the folder that is made for the overlays is as a disk.
        let known = isDenied && images.isEmpty ? [configuration.overlayDirectory] : images
        if let first = known.first(where: { !context.user.reaches($0) }) {
            missing.append("open what QEMU's user owns, disks and overlays (\(printable(first, limit: 300)))")
        }
        for target in call.scope.targets {
            guard let lack = await lackOfZFS(target) else { continue }
            missing.append(lack)
        }
        guard missing.isEmpty else { throw MissingRightsError(context.user, missing: missing) }
    }

    /// As libvirt and polkit say it.
    private static func isDenied(_ error: any Error) -> Bool {
        let text = "\(error)"
        return ["ermission denied", "uthentication", "access denied", "not authorized", "user record"].contains {
            text.has($0)
        }
    }

    /// Why the user cannot say on a dataset's snapshots what each VM got; nil also where zfs does not tell.
    private func lackOfZFS(_ dataset: DatasetName) async -> String? {
        do {
            _ = try await context.zfs.exists(dataset.rawValue)
            guard let delegated = try await context.zfs.delegations(on: dataset),
                !delegated.allows("userprop", user: context.user.id, groups: Self.groups)
            else { return nil }
            return
                "set properties of \(dataset)'s snapshots (zfs allow \(shellQuoted(context.user.name)) userprop "
                + "\(shellQuoted(dataset.rawValue)))"
        } catch {
            return "use zfs on \(dataset) (\(error))"
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
