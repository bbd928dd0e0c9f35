internal import Engine
internal import Hypervisor

/// What runs and restores have left that no state file tells.
struct LeftoverCheck: CheckTheme {
    let site: CheckedSite
    var subject: String { "what runs have left" }

    func findings() async throws -> [Finding] {
        let (context, configuration) = (site.context, site.configuration)
        // One that does not answer has been named.
        let adoption = Adoption(context: context, configuration: configuration)
        let found = try await adoption.find(site.hypervisors, except: site.silent) { _, _ in }
        let overlays = found.map { found in
            guard let obstacle = found.leftover.obstacle else {
                return Finding(.overlayLeft, found.summary, fix: "stillpoint recover --adopt")
            }
            return Finding(.overlayLeft, splitting: "\(found.summary); \(obstacle)")
        }
        guard site.zfs != nil else { return overlays }
        return overlays + (await RestoreLeftovers(context: context, configuration: configuration).findings())
    }
}
