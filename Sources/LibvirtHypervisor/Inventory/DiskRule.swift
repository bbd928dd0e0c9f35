internal import Hypervisor
internal import XMLTree

/// What is done with a disk of some shape.
enum DiskHandling: Sendable, Equatable {
    /// Its writes go to an overlay, which is committed by libvirt, or by qemu-img where the VM is off.
    case liveAndOffline
    /// The same, but only QEMU, told all by libvirt, can commit it: a VM that is off has to be started for it.
    case liveOnly
    /// It stays on its image, and the VM may be quiesced all the same.
    case excluded(Disk.Exclusion)
    /// Its VM falls back before anything is frozen.
    case refused
}

/// A row of the table in docs/disks.md.
struct DiskRule: Sendable {
    /// The row's first column.
    let shape: String
    let handling: DiskHandling
    /// The row's last column, and what is said of a disk that is refused or left for its VM to start.
    let reason: String
    let applies: @Sendable (DiskElement) -> Bool

    init(
        _ shape: String, _ handling: DiskHandling, _ reason: String,
        if applies: @escaping @Sendable (DiskElement) -> Bool
    ) {
        self.shape = shape
        self.handling = handling
        self.reason = reason
        self.applies = applies
    }
}

/// What may be done with a disk, by the first row of the table that it meets.
struct DiskShape: Sendable {
    let rule: DiskRule
    private let disk: DiskElement

    init(_ disk: DiskElement) {
        self.disk = disk
        rule = DiskRule.table.first { $0.applies(disk) } ?? .unknown
    }

    var handling: DiskHandling { rule.handling }

    /// Why it keeps its VM from being more than crash-consistent; nil where it does not.
    var refusal: String? {
        guard handling == .refused else { return nil }
        return "\(target) cannot be moved to an overlay: \(reason)"
    }

    /// Why qemu-img must not commit into its image; nil where it may.
    var obstacleToOfflineCommit: String? { handling == .liveAndOffline ? nil : reason }

    private var target: String { disk.element.first("target")?["dev"] ?? "a disk" }

    private var reason: String {
        let part: String? =
            switch rule.shape {
            case DiskRule.unknown.shape: disk.unknownPart
            case DiskRule.unknownOption.shape: disk.unknownDriverPart
            case DiskRule.unusualLayer.shape: disk.unusualLayer
            default: nil
            }
        return part.map { "\(rule.reason) (\($0))" } ?? rule.reason
    }
}
