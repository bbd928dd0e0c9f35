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
    case configurationRefused = "SP111"

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
    case overlayRoomTight = "SP406"
    case ramRoomLacking = "SP407"
    case coldRoomTight = "SP408"
    case poolUnusable = "SP409"
    case poolNearlyFull = "SP410"
    case folderVolatile = "SP411"
    case dumpsVolatile = "SP412"
    case commitRoomLacking = "SP413"
    case fileUntrusted = "SP414"
    case overlayFolderClosed = "SP415"
    case coldStorageUnusable = "SP416"

    // The snapshot manager.
    case managerConfigurationUnreadable = "SP501"
    case hooksMissing = "SP502"
    case hookMissing = "SP503"
    case hookUnusable = "SP504"
    case hookForeign = "SP505"
    case scriptTimeoutShort = "SP506"
    case failureIgnored = "SP507"
    case failureWithholdsSnapshot = "SP508"
    case postForced = "SP509"
    case recursionContradicted = "SP510"
    case pruningMissing = "SP511"
    case templateMissing = "SP512"
    case managerUnconfigured = "SP513"
    case datasetUnmanaged = "SP514"
    case disksApart = "SP515"
    case managerServiceUnfit = "SP516"
    case managedDatasetMissing = "SP517"

    // What runs and restores have left.
    case runAbandoned = "SP601"
    case runNotEnded = "SP602"
    case overlayLeft = "SP603"
    case restoreLeft = "SP604"
    case serverSnapshotLeft = "SP605"
    case stateUnreadable = "SP606"
    case stateNewer = "SP607"
    case runOpen = "SP608"
    case archiveWaiting = "SP609"
    case archiveOverdue = "SP610"
    case dumpNotArchived = "SP611"
    case dumpMissing = "SP612"
    case catalogueUnreadable = "SP613"

    // The host.
    case labelsMissing = "SP701"
    case appArmorParserMissing = "SP702"
    case appArmorInForce = "SP703"
    case selinuxInForce = "SP704"
    case confinementMissing = "SP705"
    case unitDisabled = "SP706"
    case notRoot = "SP707"
    case zfsMissing = "SP708"
    case zfsSilent = "SP709"
    case checkUnfinished = "SP710"

    // Who is told.
    case metricsFileUnusable = "SP801"
    case metricsFileUnread = "SP802"
    case mailUnsendable = "SP803"
    case problemProgramUnusable = "SP804"
    case nobodyTold = "SP805"
    case reportsWaiting = "SP806"
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
            .selinuxInForce, .confinementMissing, .fallbackImpossible, .failureWithholdsSnapshot, .postForced,
            .managerUnconfigured, .datasetUnmanaged, .runOpen, .archiveWaiting, .nobodyTold:
            .note
        case .machineBusy, .nameShared, .overlayRoomTight, .coldRoomTight, .poolNearlyFull, .dumpsVolatile,
            .hookForeign, .scriptTimeoutShort, .failureIgnored, .recursionContradicted, .pruningMissing, .disksApart,
            .dumpNotArchived, .dumpMissing, .catalogueUnreadable, .unitDisabled, .notRoot, .reportsWaiting:
            .warning
        case .datasetMissing, .datasetWithoutVM, .patternUnmatched, .patternShadowed, .typeMistyped,
            .noHypervisorEnabled, .configurationRefused, .mappingUnused, .hypervisorUnreachable, .nothingVisible,
            .privilegesMissing,
            .datastoreUnmapped, .datasetShared, .disksUnreadable, .licenceRefusesSnapshots, .diskUnresolved,
            .diskRefused, .agentMissing, .agentSilent, .agentRefuses, .machinePaused, .machineSilent,
            .shapeUnsupported, .shutdownImpossible, .strategyImpossible, .guestUnknown, .folderUnusable,
            .programUnusable, .overlayRoomLacking, .snapshotRoomLacking, .snapshotRoomUnknown, .ramRoomLacking,
            .poolUnusable, .folderVolatile, .commitRoomLacking, .fileUntrusted, .managerConfigurationUnreadable,
            .hooksMissing, .hookMissing, .hookUnusable, .templateMissing, .managerServiceUnfit, .runAbandoned,
            .runNotEnded, .overlayLeft, .restoreLeft, .serverSnapshotLeft, .stateUnreadable, .stateNewer,
            .archiveOverdue, .labelsMissing, .appArmorParserMissing, .zfsMissing, .zfsSilent, .checkUnfinished,
            .metricsFileUnusable, .metricsFileUnread, .mailUnsendable, .problemProgramUnusable, .overlayFolderClosed,
            .coldStorageUnusable, .managedDatasetMissing:
            .problem
        }
    }
}
