internal import DiskLocation
internal import Glibc
internal import Hypervisor
internal import Support

/// Whether QEMU may have the overlays on a host with SELinux, where it may have only files that libvirt has labelled for it.
struct SELinuxLabels: Sendable {
    var roots = SystemRoots()

    private enum Mode { case enforcing, permissive }

    /// Nil: the kernel runs without it (selinuxfs is mounted where it does not).
    private var mode: Mode? {
        guard let text = try? FileAccess.read("\(roots.sys)/fs/selinux/enforce", limit: 4), let first = text.first
        else {
            return nil
        }
        return first == UInt8(ascii: "1") ? .enforcing : .permissive
    }

    /// What keeps libvirt from giving overlays the label that QEMU needs; else what to read when QEMU is denied an overlay all the same.
    func finding(_ overlayDirectory: String) -> Finding? {
        switch mode {
        case nil: return nil
        case .permissive: return Finding(.selinuxInForce, "SELinux is permissive")
        case .enforcing: break
        }
        guard let mount = place(of: overlayDirectory), !mount.hasLabels else {
            return Finding(
                .selinuxInForce,
                "SELinux is enforcing: libvirt labels each overlay in overlay_dir \(overlayDirectory) for its VM; where QEMU "
                    + "is denied one: ausearch -m AVC -ts recent")
        }
        return Finding(
            .labelsMissing,
            "SELinux is enforcing, and overlay_dir \(overlayDirectory) is on a file system (\(mount.type)) whose files have "
                + "no labels of their own, so QEMU may be denied the overlays",
            fix: "set overlay_dir to a folder on xfs, ext4 or ZFS with xattr=sa that is mounted without context=")
    }

    /// The kernel lists `seclabel` among the options of a file system whose files it can label (selinux_sb_show_options).
    private func place(of folder: String) -> (type: String, hasLabels: Bool)? {
        guard let resolved = realpath(folder, nil) else { return nil }
        defer { free(resolved) }
        guard let text = try? FileAccess.read("\(roots.proc)/self/mountinfo", limit: 64 << 20),
            let mount = MountTable(mountinfo: text).mount(containing: String(cString: resolved))
        else { return nil }
        let line = text.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: Array("\(mount.id) ".utf8)) }
        let options = line?.split(separator: UInt8(ascii: " ")).last ?? []
        let words = options.split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) }
        let isLabelled = words.contains { $0 == "seclabel" } && !words.contains { $0.hasPrefix("context=") }
        return (mount.fileSystemType, isLabelled)
    }
}
