internal import Engine
internal import Hypervisor
internal import ZFS

/// Who asks, and whether zfs answers.
struct HostCheck: Sendable {
    let context: ProgramContext

    func findings() -> [Finding] {
        guard context.user.id != 0 else { return [] }
        return [
            Finding(
                .notRoot,
                "the user \(context.user.name) (\(context.user.id)) asks: what only root may see, and whether root may write "
                    + "to the folders, is not checked", fix: "sudo stillpoint check")
        ]
    }

    /// The zfs that themes may ask; nil, and why, where it does not answer.
    func zfs() async -> (ZFSCommand?, [Finding]) {
        let zfs = context.zfs.limited(to: .seconds(20))
        do throws(ZFSError) {
            try await zfs.requireAnswer()
            return (zfs, [])
        } catch {
            guard error.code == .notFound else {
                return (nil, [Finding(.zfsSilent, "\(error)", fix: "zpool status")])
            }
            return (nil, [Finding(.zfsMissing, splitting: "\(error)")])
        }
    }
}
