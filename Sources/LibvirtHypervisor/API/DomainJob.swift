internal import CLibvirt
internal import Hypervisor

extension Domain {
    /// What libvirt is doing with the whole domain, for whoever asked it: saving, dumping, migrating, backing up
    /// (virDomainGetJobStats). Nil: nothing.
    func job() throws -> DomainJob? {
        var type: Int32 = 0
        var list: virTypedParameterPtr?
        var count: Int32 = 0
        guard library.functions.virDomainGetJobStats(pointer, &type, &list, &count, 0) == 0 else {
            let error = library.lastError("asking for the job of the domain")
            if error.isUnsupported { return nil }
            throw error
        }
        defer { library.functions.virTypedParamsFree(list, count) }
        // Completed ones are told of on request only.
        guard type != VIR_DOMAIN_JOB_NONE.rawValue else { return nil }
        var operation: Int32 = 0
        _ = library.functions.virTypedParamsGetInt(list, count, VIR_DOMAIN_JOB_OPERATION, &operation)
        return DomainJob(operation: UInt32(bitPattern: operation))
    }
}

/// A job of a whole domain, by its virDomainJobOperation.
struct DomainJob: Sendable, Equatable {
    let operation: UInt32

    /// Whether it is the making of a snapshot.
    var isSnapshot: Bool { operation == VIR_DOMAIN_JOB_OPERATION_SNAPSHOT.rawValue }

    /// As it stands in a sentence: "a backup".
    var name: String {
        switch operation {
        case VIR_DOMAIN_JOB_OPERATION_SAVE.rawValue: "a save"
        case VIR_DOMAIN_JOB_OPERATION_RESTORE.rawValue: "a restore"
        case VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN.rawValue, VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT.rawValue:
            "a migration"
        case VIR_DOMAIN_JOB_OPERATION_DUMP.rawValue: "a dump"
        case VIR_DOMAIN_JOB_OPERATION_BACKUP.rawValue: "a backup"
        case _ where isSnapshot: "a snapshot"
        default: "a job"
        }
    }
}
