internal import CLibvirt
internal import Glibc
internal import Hypervisor
internal import Support
internal import SystemPackage
internal import XMLTree

/// Whose the base of a VM that was shut off in the window is.
///
/// With `dynamic_ownership` libvirt gives the images of a VM to QEMU's user when it starts, and back when it stops: to whom
/// they belonged, where the file system keeps attributes, else to root. Of a chain it gives back the top alone, for which
/// a snapshot moves what is remembered of the base to the overlay (qemuSecurityMoveImageMetadata). So the owner that the
/// overlay got in the end is the one that the base has to get.
enum BaseOwner {
    /// Gives the base to whom libvirt gave the overlay. An image that is not QEMU's user's, or is reached through a
    /// symbolic link, stays as it is: it was no file that changes hands, or may be another one by now.
    ///
    /// - Parameter domain: its definition.
    /// - Parameter user: whom QEMU runs as.
    static func handBack(_ disk: OverlayDisk, of domain: XMLElement, from user: uid_t) throws(Errno) {
        var overlay = stat()
        guard let kept = disk.keptDisk?.first("source"), ![domain, kept].contains(where: isFixed) else { return }
        guard lstat(disk.overlay, &overlay) == 0, overlay.st_mode & S_IFMT == S_IFREG, overlay.st_uid != user,
            let inode = disk.baseAtRest?.inode, let path = RelativePath(String(disk.base.dropFirst())),
            disk.base.hasPrefix("/")
        else { return }
        _ = try Folder("/", crossingMounts: true)
            .give(path, inode: inode, from: user, to: overlay.st_uid, group: overlay.st_gid)
    }

    /// Whether somebody has said that libvirt shall not change whose it is.
    private static func isFixed(_ element: XMLElement) -> Bool {
        element.children(named: "seclabel").contains { $0["relabel"] == "no" || $0["type"] == "none" }
    }
}

extension Connection {
    /// The user that libvirt runs QEMUs as; nil where it does not tell (virConnectGetCapabilities).
    func qemuUser() throws -> uid_t? {
        guard let text = library.functions.virConnectGetCapabilities(pointer) else {
            throw library.lastError("asking for the host's capabilities")
        }
        defer { free(text) }
        let models = try XMLElement.parse(String(cString: text)).first("host")?.children.filter {
            $0.name == "secmodel"
        }
        let model = models?.first { $0.first("model")?.text == "dac" }
        // `+64055:+64055`, once for each type of domain.
        return model?.first("baselabel")?.text.split(separator: ":").first.flatMap { uid_t($0.drop { $0 == "+" }) }
    }
}
