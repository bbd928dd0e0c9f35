internal import DiskLocation
internal import Hypervisor
internal import Support
internal import SystemPackage

/// The run that made an overlay, noted at the file itself: its name is the same in each run.
///
/// A file system without such marks (NFS) leaves it to the state file, and to libvirt's snapshot, to tell.
enum OverlayMark {
    private static let name = "stillpoint.run"

    static func put(_ run: String, on file: FileDescriptor) {
        file.setMark(run, named: name)
    }

    /// The run's id; nil where there is no mark, or no file.
    static func run(of overlay: String) -> String? {
        guard let file = try? ImageFile(overlay, followingLinks: false), !file.isDevice,
            let text = try? file.withOpen(.readOnly, { $0.mark(named: name) })
        else { return nil }
        return isRunID(text) ? text : nil
    }

    /// The run that an overlay is marked as made by, where it is not the one that the freeze state names: that one's is gone.
    static func otherRun(of overlay: String, than freezeState: FreezeState) -> String? {
        guard let run = run(of: overlay), freezeState.snapshot != "stillpoint-\(run)" else { return nil }
        return run
    }
}

/// Whether a text is a run's id: `20261121T110000Z-1f3c9a`.
func isRunID(_ text: String) -> Bool {
    text.utf8.count == 23 && runTime(text) != nil && text.suffix(6).allSatisfy(\.isHexDigit)
}
