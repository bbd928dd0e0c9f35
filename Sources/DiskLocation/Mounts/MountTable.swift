public import Support
public import ZFS

/// The mounts that this process sees.
public struct MountTable: Sendable {
    /// The mounts in the kernel's order.
    public let mounts: [Mount]
    private let children: [Int: [Int]]
    private let rootIndex: Int?
    private let orphans: [Int]

    /// Reads the text of `/proc/self/mountinfo`; lines that are not whole are passed over.
    public init(mountinfo: [UInt8]) {
        let mounts = mountinfo.split(separator: UInt8(ascii: "\n")).compactMap(Mount.init(line:))
        let known = Set(mounts.map(\.id))
        var children: [Int: [Int]] = [:]
        var orphans: [Int] = []
        for (index, mount) in mounts.enumerated() {
            if mount.parentID == mount.id || !known.contains(mount.parentID) {
                orphans.append(index)
            } else {
                children[mount.parentID, default: []].append(index)
            }
        }
        self.mounts = mounts
        self.children = children
        self.orphans = orphans
        self.rootIndex = orphans.last { mounts[$0].mountPoint == "/" }
    }

    /// Reads `self/mountinfo` below the root of proc.
    public static func read(roots: SystemRoots = SystemRoots()) throws(StorageError) -> MountTable {
        let path = roots.proc + "/self/mountinfo"
        do {
            // 64 MiB are some hundred thousand mounts.
            return MountTable(mountinfo: try FileAccess.read(path, limit: 64 << 20))
        } catch {
            throw StorageError(.unreadable, "\(printable(path)) cannot be read; is proc mounted?", cause: error)
        }
    }

    /// The mount that a path is on, found as the kernel finds it: from the root, one mount point after another.
    ///
    /// The longest prefix would not do: a mount over `/tank` hides an earlier one on `/tank/VM`, whose parent is not
    /// the later mount. So from each mount the step is to the child that is met first on the way, which is the one
    /// with the shortest mount point; a stacked mount has the same mount point as the one below, its parent.
    ///
    /// - Parameter absolutePath: a path without symbolic links and without `.` and `..`.
    public func mount(containing absolutePath: String) -> Mount? {
        var current = rootIndex
        // A chroot whose root is no mount point has mounts, but none of "/".
        var candidates = current.map { children[mounts[$0].id] ?? [] } ?? orphans
        // Each step must lead to a mount not seen yet: a table that is read while it changes can have a cycle.
        for _ in mounts {
            guard let next = firstMet(on: absolutePath, among: candidates) else { break }
            current = next
            candidates = children[mounts[next].id] ?? []
        }
        return current.map { mounts[$0] }
    }

    /// Where the whole of a dataset is to be seen, in the order of mounting.
    ///
    /// A mount that a later one hides is left out, and so is a bind mount of a part of the dataset.
    public func mountPoints(of dataset: DatasetName) -> [String] {
        var points: [String] = []
        for mount in mounts where mount.root == "/" && mount.dataset == dataset {
            guard self.mount(containing: mount.mountPoint)?.id == mount.id else { continue }
            points.append(mount.mountPoint)
        }
        return points
    }

    /// Every dataset that is mounted, hidden ones too.
    public var datasets: Set<DatasetName> { Set(mounts.compactMap(\.dataset)) }

    /// The child with the shortest mount point on the path; the last where several are equal.
    private func firstMet(on path: String, among candidates: [Int]) -> Int? {
        var best: Int?
        for index in candidates where FileAccess.isPath(path, within: mounts[index].mountPoint) {
            let length = mounts[index].mountPoint.utf8.count
            if let chosen = best, length > mounts[chosen].mountPoint.utf8.count { continue }
            best = index
        }
        return best
    }
}
