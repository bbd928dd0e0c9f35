import Glibc
public import Support
import Synchronization
public import ZFS

/// What the block devices of this machine are made of: volumes, partitions, device-mapper and md stacks, loop files.
///
/// Everything is read from sysfs and from udev's links; no device is opened. The links are read when first needed.
public final class BlockDevices: Sendable {
    private let roots: SystemRoots
    private let dev: String
    private let table = Mutex<ZvolTable?>(nil)

    /// Prepares without reading any device.
    public init(roots: SystemRoots = SystemRoots()) {
        self.roots = roots
        dev = (try? FileAccess.realPath(roots.dev)) ?? roots.dev
    }

    /// The datasets of all volumes that have a device.
    public var volumes: Set<DatasetName> { zvols.datasets }

    /// Where a device's data lies: on volumes, and in files that loop devices show.
    public struct Backing: Sendable, Equatable {
        /// The volumes below the device.
        public var datasets: Set<DatasetName> = []
        /// The files of loop devices below it, as absolute paths.
        public var files: Set<String> = []
    }

    /// The kernel's name of the block device at a place; nil where there is no block device.
    func deviceName(at place: PathLocator.ResolvedPath) -> String? {
        let path = place.path
        if let status = place.status, status.st_mode & S_IFMT == S_IFBLK {
            // The number is the surest: a node may have any name (mknod, a container, /dev/mapper without udev).
            if let resolved = try? FileAccess.realPath("\(roots.sys)/dev/block/\(Self.number(status.st_rdev))") {
                return FileAccess.lastComponent(resolved)
            }
            return FileAccess.lastComponent(path)
        }
        let name = FileAccess.lastComponent(path)
        guard FileAccess.isPath(path, within: dev), zvols.datasetByDisk[disk(of: name)] != nil || isInSysfs(name) else {
            return nil
        }
        return name
    }

    /// Everything below a device, through any number of layers.
    public func backing(ofDevice name: String) -> Backing {
        var result = Backing()
        var seen: Set<String> = []
        var pending = [name]
        // The set of names seen keeps a table that changes while it is read from leading in a circle.
        while let next = pending.popLast() {
            let disk = disk(of: next)
            guard seen.insert(disk).inserted else { continue }
            if let dataset = zvols.datasetByDisk[disk] {
                result.datasets.insert(dataset)
                continue
            }
            if let file = loopFile(of: disk) { result.files.insert(file) }
            pending += FileAccess.names(in: "\(roots.sys)/block/\(disk)/slaves")
            pending += FileAccess.names(in: "\(roots.sys)/class/block/\(disk)/slaves")
        }
        return result
    }

    /// What of a volume a device is.
    func volumePart(ofDevice name: String) -> VolumePart {
        let disk = disk(of: name)
        guard zvols.datasetByDisk[disk] != nil else { return .stacked }
        if disk == name { return .whole }
        let number = try? FileAccess.read("\(roots.sys)/class/block/\(name)/partition", limit: 32)
        let digits = String(decoding: (number ?? []).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        return VolumePart(rawValue: "partition \(digits)") ?? ZvolTable.part(ofDevice: name) ?? .stacked
    }

    private var zvols: ZvolTable {
        table.withLock { stored in
            if let stored { return stored }
            let fresh = ZvolTable(roots: roots)
            stored = fresh
            return fresh
        }
    }

    /// `MAJOR:MINOR` as sysfs writes it; glibc's macros (sys/sysmacros.h) do not reach Swift.
    static func number(_ device: dev_t) -> String {
        let major = (device >> 8) & 0xFFF | (device >> 32) & 0xFFFF_F000
        let minor = device & 0xFF | (device >> 12) & 0xFFFF_FF00
        return "\(major):\(minor)"
    }

    private func isInSysfs(_ name: String) -> Bool {
        FileAccess.linkStatus("\(roots.sys)/class/block/\(name)") != nil
            || FileAccess.linkStatus("\(roots.sys)/block/\(name)") != nil
    }

    /// The whole disk of a partition; the name itself for anything else.
    private func disk(of name: String) -> String {
        if let folder = try? FileAccess.realPath("\(roots.sys)/class/block/\(name)") {
            // sysfs keeps a partition's folder inside its disk's folder.
            guard FileAccess.linkStatus(folder + "/partition") != nil else { return FileAccess.lastComponent(folder) }
            let parent = FileAccess.lastComponent(FileAccess.parent(folder))
            if parent != "block" { return parent }
        }
        // Without sysfs the name tells: zd16p1.
        if let mark = name.lastIndex(of: "p"), ZvolTable.isWholeDisk(String(name[..<mark])) {
            return String(name[..<mark])
        }
        return name
    }

    private func loopFile(of disk: String) -> String? {
        guard let bytes = try? FileAccess.read("\(roots.sys)/block/\(disk)/loop/backing_file", limit: 8192) else {
            return nil
        }
        var text = String(decoding: bytes, as: UTF8.self)
        if text.hasSuffix("\n") { text.removeLast() }
        // The kernel's d_path adds this to a file that has no name any more.
        let mark = " (deleted)"
        if text.hasSuffix(mark) { text.removeLast(mark.count) }
        return text.hasPrefix("/") ? text : nil
    }
}
