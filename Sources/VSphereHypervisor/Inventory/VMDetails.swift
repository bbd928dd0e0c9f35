internal import Hypervisor
internal import Support
internal import XMLTree

/// What is kept of a VM's properties; the rest of what the server sends is dropped page by page.
struct VMDetails: Sendable {
    let reference: MoRef
    let name: String
    let power: VirtualMachine.PowerState
    /// `connected`, or why the server does not know the VM's present state.
    let connection: String
    let isTemplate: Bool
    let hasRunningTools: Bool
    /// The server knows that the guest has none.
    let lacksTools: Bool
    /// Of its RAM, in MiB.
    let memoryMegabytes: UInt64
    /// `[datastore] folder/name.vmx`
    let definition: String?
    /// Where a VM snapshot's RAM goes: `[datastore] folder`.
    let snapshotFolder: String?
    /// `powerOff`, or what becomes of the VM's disks when it is powered off.
    let powerOffBehavior: String
    let needsConsolidation: Bool
    /// Nil: its devices could not be read.
    let devices: VMDevices?
    /// Names of snapshots that some run of ours made.
    let ownSnapshots: [String]
    let faultTolerance: String?
    /// The vCenter's own, and the BIOS' one.
    let uuids: [String]

    /// The properties that it takes.
    static let paths = [
        "name", "config.template", "config.files.vmPathName", "config.files.snapshotDirectory",
        "config.flags.snapshotPowerOffBehavior", "config.hardware.memoryMB", "config.hardware.device",
        "runtime.powerState", "runtime.connectionState", "runtime.consolidationNeeded",
        "runtime.faultToleranceState", "guest.toolsRunningStatus", "guest.toolsVersionStatus2", "snapshot",
        "config.instanceUuid", "config.uuid",
    ]

    init(_ properties: ObjectProperties) {
        reference = properties.object
        name = properties.name
        connection = properties.text("runtime.connectionState") ?? "unknown"
        isTemplate = properties.isTrue("config.template")
        let told: VirtualMachine.PowerState =
            switch properties.text("runtime.powerState") {
            case "poweredOff": .off
            case "suspended": .suspended
            default: .running
            }
        // What is told of a VM that is out of reach may have been true long ago.
        power = isTemplate ? .off : connection == "connected" ? told : .running
        hasRunningTools = properties.text("guest.toolsRunningStatus") == "guestToolsRunning"
        lacksTools = properties.text("guest.toolsVersionStatus2") == "guestToolsNotInstalled"
        memoryMegabytes = properties.text("config.hardware.memoryMB").flatMap { UInt64($0) } ?? 0
        definition = properties.text("config.files.vmPathName")
        snapshotFolder = properties.text("config.files.snapshotDirectory") ?? definition
        powerOffBehavior = properties.text("config.flags.snapshotPowerOffBehavior") ?? "powerOff"
        needsConsolidation = properties.isTrue("runtime.consolidationNeeded")
        faultTolerance = properties.text("runtime.faultToleranceState")
        devices = properties.values["config.hardware.device"].map(VMDevices.init)
        uuids = ["config.instanceUuid", "config.uuid"].compactMap { properties.text($0) }
        ownSnapshots = TreeSnapshot.all(in: properties.values["snapshot"]).map(\.name)
            .filter { $0.hasPrefix(snapshotPrefix) }
    }

    var isConnected: Bool { connection == "connected" }

    /// Where the RAM of a suspended VM is.
    static let suspendedNote = "suspended: its RAM is in its files"

    /// What an administrator should know of it in every report.
    var notes: [String] {
        var notes: [String] = []
        if isTemplate { return [] }
        if !isConnected { notes.append("the server does not reach the VM (\(connection)): it may be running") }
        if isConnected, power == .suspended { notes.append(Self.suspendedNote) }
        for disk in devices?.disks ?? [] where disk.isIndependent {
            notes.append("\(disk.target) is independent: no part of VM snapshots, so crash-consistent")
        }
        if needsConsolidation {
            notes.append("its disks need consolidation: files of deleted snapshots are still in use")
        }
        return notes
    }
}
