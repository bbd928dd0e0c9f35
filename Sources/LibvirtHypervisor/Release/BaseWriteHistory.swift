internal import Glibc
internal import Hypervisor

/// Whether anybody but us can have written to a base since its overlay took the guest's writes.
///
/// The overlay would then put old data over new, and what it holds does not fit what is below it.
enum BaseWriteHistory {
    /// While a commit of ours is at work it has the overlay's time follow, so that the base is not newer by more.
    static let heartbeat = Duration.milliseconds(500)
    /// A second more, for times in whole seconds.
    private static let longestLead = heartbeat * 2 + .seconds(1)

    /// Why the overlay must not be committed by qemu-img; nil: it may.
    /// - Parameters:
    ///   - now: the base as it is.
    ///   - lead: how much later than the overlay the base was last written; nil for devices.
    ///   - moved: when libvirt had moved the disk to its overlay, in nanoseconds since 1970.
    ///   - isNamed: the domain starts from the overlay.
    static func doubt(
        _ disk: OverlayDisk, now: ImageStamp?, lead: Duration?, moved: Int64?, isNamed: Bool = false
    ) -> String? {
        guard let now else { return "\(disk.base) cannot be read" }
        if now.modified == nil, disk.isBaseWritten == true { return written(disk) }
        if let rest = disk.baseAtRest {
            switch rest.isUnwritten(now) {
            case true?: return nil
            case nil where isNamed && isUntouchedByPivot(disk) && now.sectors == 0: return nil
            case nil:
                return "the host was started anew, and nothing tells whether \(disk.base) was written since its freeze"
            case false? where disk.progress == nil || disk.progress == .committed: return written(disk)
            case false?: break
            }
        }
        switch disk.progress {
        case nil:
            // pre-snapshot was killed before it could note more.
            guard let moved, let modified = now.modified else {
                return "nothing tells whether \(disk.base) was written after the overlay was made"
            }
            return modified <= moved ? nil : written(disk)
        case .committing, .pivotRequested, .undecided:
            guard let lead else {
                return "a commit was interrupted, and nothing tells whether anybody else has written to \(disk.base)"
            }
            return lead <= longestLead
                ? nil : "a commit was interrupted, and \(disk.base) was written after that, by whom nothing tells"
        // By a VM that was started on its overlay again.
        case .committed: return lead.map { $0 <= .zero } == true ? nil : written(disk)
        }
    }

    /// Before a power cut only the guest wrote, to its overlay, or a commit of what that holds; nobody did since.
    private static func isUntouchedByPivot(_ disk: OverlayDisk) -> Bool {
        disk.progress == nil || disk.progress == .committing
    }

    /// Whether somebody else was seen to write to a device, which may not be found out later.
    static func isWritten(_ disk: OverlayDisk, now: ImageStamp) -> Bool {
        guard disk.progress == nil, let rest = disk.baseAtRest, now.modified == nil else { return false }
        return rest.isUnwritten(now) == false
    }

    private static func written(_ disk: OverlayDisk) -> String {
        "\(disk.base) was written by somebody else after the overlay was made"
    }

    /// When libvirt had made the snapshot of that name, by the file in which it keeps it; nil where there is none.
    /// - Parameter folder: where libvirtd of `qemu:///system` keeps them.
    static func moved(
        snapshot: String, of domain: String?, in folder: String = "/var/lib/libvirt/qemu/snapshot"
    ) -> Int64? {
        domain.flatMap { ImageStamp.modified("\(folder)/\($0)/\(snapshot).xml") }
    }
}

/// Has the overlays' times follow the clock while a commit of ours is at work on them, as `BaseWriteHistory` expects.
struct CommitHeartbeat: Sendable {
    /// - Parameters:
    ///   - overlays: asked anew each time.
    ///   - touch: has their times follow.
    static func during<Value: Sendable>(
        _ overlays: @escaping @Sendable () async -> [String],
        touching touch: @escaping @Sendable ([String]) -> Void = LocalOverlayStore.touch,
        _ body: () async throws -> Value
    ) async rethrows -> Value {
        let beating = Task {
            while !Task.isCancelled {
                let paths = await overlays()
                try? await blocking("recording that the commit continues", within: .seconds(5)) {
                    touch(paths)
                }
                try await Task.sleep(for: BaseWriteHistory.heartbeat)
            }
        }
        defer { beating.cancel() }
        return try await body()
    }
}
