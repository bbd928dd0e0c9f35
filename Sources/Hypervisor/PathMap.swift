/// Where this host's storage is on a hypervisor's host: the paths there and the paths here.
///
/// `VirtualMachine` and `Disk` have paths of this host; `FreezeState`, and whatever a hypervisor is told, has the
/// hypervisor's own.
public struct PathMap: Sendable, Equatable {
    /// A folder, or a device, as both call it: `/mnt/vmstore` and `/tank/VM`.
    public struct Line: Sendable, Equatable, CustomStringConvertible {
        /// On the hypervisor's host.
        public let theirs: String
        /// On this one.
        public let ours: String

        /// A line of two absolute paths without a slash at their ends.
        public init(theirs: String, ours: String) {
            self.theirs = theirs
            self.ours = ours
        }

        /// As it stands in the configuration.
        public var description: String { "\(theirs)=\(ours)" }
    }

    /// In the order in which they were written down.
    public var lines: [Line]

    /// A map of these lines.
    public init(_ lines: [Line] = []) {
        self.lines = lines
    }

    /// Whether nothing is said.
    public var isEmpty: Bool { lines.isEmpty }

    /// The path here of what has that path there, by the longest line that covers it; nil where none does, or the path
    /// would lead out of the line's folder.
    public func ours(_ path: String) -> String? {
        line(covering: path).map { line, rest in line.ours + rest }
    }

    /// The line that covers a path of theirs.
    public func line(covering path: String) -> (line: Line, rest: Substring)? {
        guard let path = normalized(path) else { return nil }
        let found = lines.compactMap { line in path.remainder(below: line.theirs).map { (line: line, rest: $0) } }
        guard let longest = found.min(by: { $0.rest.utf8.count < $1.rest.utf8.count }) else { return nil }
        return longest
    }

    /// Why a line cannot stand beside the others: one path would have two meanings; nil where it can.
    ///
    /// One that lies below another on both sides, by the same names, says what that one says.
    public func conflict(with new: Line) -> Conflict? {
        for line in lines {
            if line.theirs == new.theirs { return Conflict(line: line, reason: "the same path there") }
            if let rest = new.theirs.remainder(below: line.theirs) {
                guard new.ours != line.ours + rest else { continue }
                return Conflict(
                    line: line, reason: "its path there lies below the other's, and its path here elsewhere")
            }
            if let rest = line.theirs.remainder(below: new.theirs) {
                guard line.ours != new.ours + rest else { continue }
                return Conflict(
                    line: line, reason: "the other's path there lies below its own, and its path here elsewhere")
            }
            if new.ours.remainder(below: line.ours) != nil || line.ours.remainder(below: new.ours) != nil {
                return Conflict(line: line, reason: "two paths there mean the same, or a part of the same, here")
            }
        }
        return nil
    }

    /// Another line that a new one overlaps with.
    public struct Conflict: Sendable, Equatable {
        /// The other one.
        public let line: Line
        /// How they overlap.
        public let reason: String
    }

    /// Without empty and `.` parts; nil where it is not absolute, or goes up.
    private func normalized(_ path: String) -> String? {
        guard path.hasPrefix("/") else { return nil }
        let parts = path.split(separator: "/").filter { $0 != "." }
        return parts.contains { $0 == ".." } ? nil : "/" + parts.joined(separator: "/")
    }
}

extension String {
    /// What follows a folder's path in one at or below it, with its slash: `/web.qcow2`; nil where it is elsewhere.
    fileprivate func remainder(below folder: String) -> Substring? {
        guard hasPrefix(folder) else { return nil }
        let rest = dropFirst(folder.count)
        return rest.isEmpty || rest.hasPrefix("/") ? rest : nil
    }
}
