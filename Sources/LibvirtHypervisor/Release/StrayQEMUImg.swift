internal import Support

/// qemu-img processes that outlived the hook which started them.
enum StrayQEMUImg {
    /// Ends those that are still at work on one of the overlays: such a one would make the file again after it was deleted.
    static func end(on overlays: [String], proc: String = "/proc") {
        for process in FileAccess.names(in: proc).compactMap({ Int32($0) }) where isAtWork(process, overlays, proc) {
            // Checked again by its handle: the number may be another process's by now.
            guard let handle = ProcessHandle(process), isAtWork(process, overlays, proc) else { continue }
            _ = handle.kill(within: 2000)
        }
    }

    private static func isAtWork(_ process: Int32, _ overlays: [String], _ proc: String) -> Bool {
        guard let bytes = try? FileAccess.read("\(proc)/\(process)/cmdline", limit: 1 << 16) else { return false }
        let arguments = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        guard arguments.first.map({ FileAccess.lastComponent($0) == "qemu-img" }) == true else { return false }
        // It is told of an image by a descriptor.
        let folder = "\(proc)/\(process)/fd"
        return arguments.contains { overlays.contains($0) }
            || FileAccess.names(in: folder).contains { name in
                FileAccess.linkText("\(folder)/\(name)").map { overlays.contains($0) } ?? false
            }
    }
}
