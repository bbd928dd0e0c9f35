/// The kinds of findings; docs/findings.md, which is made of this list, has a section for each.
///
/// A code keeps its meaning for ever, and is not used again when it has gone.
public enum FindingCode: String, Sendable, Codable, CaseIterable {
    // The configuration.
    case datasetMissing = "SP101"
    case datasetWithoutVM = "SP102"
    case patternUnmatched = "SP103"
    case wildcardUnmatched = "SP104"
    case patternShadowed = "SP105"
    case typeMistyped = "SP106"
    case typeUnusual = "SP107"
    case noHypervisorEnabled = "SP108"
    case hypervisorDisabled = "SP109"
    case mappingUnused = "SP110"

    // Hypervisors.
    case hypervisorUnreachable = "SP201"
    case nothingVisible = "SP202"
    case privilegesMissing = "SP203"
    case datastoreUnmapped = "SP204"
    case datastoreForeign = "SP205"
    case datasetShared = "SP206"
    case disksUnreadable = "SP207"
    case licenceRefusesSnapshots = "SP208"

    // VMs and their guests.
    case diskUnresolved = "SP301"
    case diskRefused = "SP302"
    case agentMissing = "SP303"
    case agentSilent = "SP304"
    case agentRefuses = "SP305"
    case machinePaused = "SP306"
    case machineBusy = "SP307"
    case machineSilent = "SP308"
    case shapeUnsupported = "SP309"
    case shutdownImpossible = "SP310"
    case strategyImpossible = "SP311"
    case guestUnknown = "SP312"
    case nameShared = "SP313"
    case fallbackImpossible = "SP314"

    // Folders and space.
    case folderUnusable = "SP401"
    case programUnusable = "SP402"
    case overlayRoomLacking = "SP403"
    case snapshotRoomLacking = "SP404"
    case snapshotRoomUnknown = "SP405"

    // The snapshot manager.
    case managerConfigurationUnreadable = "SP501"

    // What runs and restores have left.
    case runAbandoned = "SP601"
    case runNotEnded = "SP602"
    case overlayLeft = "SP603"
    case restoreLeft = "SP604"
    case serverSnapshotLeft = "SP605"

    // The host.
    case labelsMissing = "SP701"
    case appArmorParserMissing = "SP702"
    case appArmorInForce = "SP703"
    case selinuxInForce = "SP704"
    case confinementMissing = "SP705"
}

/// How much a finding matters.
public enum FindingSeverity: String, Sendable, Codable, Comparable, CaseIterable {
    /// Nothing is wrong, but know it.
    case note
    /// Nothing fails, but somebody gets less than they may expect.
    case warning
    /// The next run fails, or a VM does not get what the configuration wants for it.
    case problem

    /// A problem is the most.
    public static func < (left: FindingSeverity, right: FindingSeverity) -> Bool { left.rank < right.rank }

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension FindingCode {
    /// How much findings of this kind matter.
    public var severity: FindingSeverity {
        switch self {
        case .wildcardUnmatched, .typeUnusual, .hypervisorDisabled, .datastoreForeign, .appArmorInForce,
            .selinuxInForce,
            .confinementMissing, .fallbackImpossible:
            .note
        case .machineBusy, .nameShared: .warning
        case .datasetMissing, .datasetWithoutVM, .patternUnmatched, .patternShadowed, .typeMistyped,
            .noHypervisorEnabled, .mappingUnused, .hypervisorUnreachable, .nothingVisible, .privilegesMissing,
            .datastoreUnmapped, .datasetShared, .disksUnreadable, .licenceRefusesSnapshots, .diskUnresolved,
            .diskRefused,
            .agentMissing, .agentSilent, .agentRefuses, .machinePaused, .machineSilent, .shapeUnsupported,
            .shutdownImpossible, .strategyImpossible, .guestUnknown, .folderUnusable,
            .programUnusable, .overlayRoomLacking, .snapshotRoomLacking, .snapshotRoomUnknown,
            .managerConfigurationUnreadable, .runAbandoned, .runNotEnded, .overlayLeft, .restoreLeft,
            .serverSnapshotLeft, .labelsMissing, .appArmorParserMissing:
            .problem
        }
    }
}
