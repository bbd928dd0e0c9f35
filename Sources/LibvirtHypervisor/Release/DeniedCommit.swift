internal import Hypervisor

/// A commit that did not begin, since an AppArmor profile keeps the domain's QEMU from writing to the base.
struct DeniedCommit: Error, Sendable {
    let profile: AppArmorProfile
    let disk: OverlayDisk
    /// The guest's name for it now.
    let target: String
    let cause: LibvirtError

    /// For an administrator.
    /// - Parameters:
    ///   - version: libvirt's; nil: it did not say.
    ///   - problem: why the profile could not be changed; nil: that did not help.
    func error(_ machine: String, libvirt version: UInt?, _ problem: (any Error)? = nil) -> HypervisorError {
        let tried = problem.map { " (what was tried: \($0))" } ?? ""
        return HypervisorError(
            .callFailed,
            "QEMU may not write to \(disk.base), so \(target) stays on its overlay \(disk.overlay): "
                + profile.wayOut(machine, disk.base, libvirt: version) + tried, remedy: .stop, cause: cause)
    }
}

extension [DeniedCommit] {
    /// Takes out of the domain's profile what denies these commits.
    /// - Returns: what was done, for an administrator.
    /// - Throws: HypervisorError that names the defect and the way out by hand.
    func permit(on connection: Connection, _ machine: String) async throws -> [String] {
        guard let first else { return [] }
        let version = await connection.libraryVersionIfKnown()
        let targets = map(\.target).joined(separator: ", ")
        do {
            let count = try await first.profile.permit(map(\.disk.base))
            guard count > 0 else { throw first.error(machine, libvirt: version) }
            let libvirt = version.map { "libvirt \(AppArmorProfile.text($0))" } ?? "libvirt"
            return [
                "the AppArmor profile that \(libvirt) wrote denied the commit of \(targets); what denied it (\(count) of the "
                    + "lines of \(first.profile.path).files) was taken out, and the profile loaded anew"
            ]
        } catch let error as HypervisorError where error.cause is LibvirtError {
            throw error
        } catch {
            throw first.error(machine, libvirt: version, error)
        }
    }
}
