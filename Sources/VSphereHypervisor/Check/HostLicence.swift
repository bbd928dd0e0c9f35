internal import Hypervisor
internal import Support
internal import XMLTree

/// Whether a stand-alone ESXi host runs by the free licence, whose API only reads: it refuses VM snapshots (RestrictedVersion).
struct HostLicence: Sendable {
    /// What the editions of VMware vSphere Hypervisor, the free one, begin with.
    private static let freeEdition = "esxBasic"

    /// LicenseManager's `licenses`: an ArrayOfLicenseManagerLicenseInfo.
    let licences: XMLElement

    var finding: Finding? {
        let all = licences.children(named: "LicenseManagerLicenseInfo")
        // Beside another one it does not count.
        guard let first = all.first, all.allSatisfy({ $0.value("editionKey")?.hasPrefix(Self.freeEdition) == true })
        else { return nil }
        return Finding(
            .licenceRefusesSnapshots,
            "the host's licence (\(printable(first.value("name") ?? "free"))) lets no program take VM snapshots",
            fix: "give the host a licence with the vSphere API, or accept it with: strategy = crash-consistent")
    }

    /// Nil also where the account may not see the licences, as a vCenter's need not.
    static func finding(_ session: Session, until deadline: ContinuousClock.Instant) async throws -> Finding? {
        let content = try await session.open(until: deadline).content
        guard content.isHost, let manager = content.licenseManager else { return nil }
        var request = PropertyRequest()
        request.want(["licenses"], of: manager.type)
        request.add(manager)
        // Freezes will tell.
        let properties = try? await session.properties(request, until: deadline).first
        return properties?.values["licenses"].flatMap { HostLicence(licences: $0).finding }
    }
}
