internal import DiskLocation
internal import Hypervisor
internal import XMLTree

/// Every shape of a disk that libvirt's schema allows, the first row that a disk meets deciding. docs/disks.md has the same
/// rows, which a test makes sure of.
extension DiskRule {
    static let table: [DiskRule] = excluded + refused + [unusualLayer, unknownOption] + handled

    private static let excluded = [
        DiskRule("`device='cdrom'`", .excluded(.cdrom), "read-only; its volume is not even read") {
            $0.device == "cdrom"
        },
        DiskRule("`device='floppy'`", .excluded(.floppy), "nothing that matters is written to it") {
            $0.device == "floppy"
        },
        DiskRule("`<readonly/>`", .excluded(.readOnly), "nobody writes to it") { $0.has("readonly") },
        DiskRule("`<transient/>`", .excluded(.transient), "what is written to it is discarded at shutdown; reported") {
            $0.has("transient")
        },
        DiskRule("`<shareable/>`", .excluded(.shareable), "other VMs write to it too; reported") {
            $0.has("shareable")
        },
        DiskRule("`type='dir'`", .excluded(.readOnly), "QEMU shows a folder read-only") { $0.type == "dir" },
        DiskRule(
            "`type='network'`, `nvme`, `vhostuser`, `vhostvdpa`", .excluded(.remote),
            "it is on no dataset of this host"
        ) { DiskElement.remoteTypes.contains($0.type) },
        DiskRule("no `<source>`", .excluded(.remote), "an empty drive") {
            DiskElement.localTypes.contains($0.type) && $0.isEmpty
        },
    ]

    private static let refused = [
        DiskRule("`device='lun'`, `sgio`, `rawio`", .refused, "libvirt makes no overlay over a passed-through LUN") {
            $0.device == "lun" || $0.element["sgio"] != nil || $0.element["rawio"] != nil
        },
        DiskRule(
            "`<encryption>` in `<source>` or `<disk>`, qcow2 that is encrypted", .refused,
            "it is encrypted, and its overlay would hold plain text"
        ) { $0.sourceHas("encryption") || $0.has("encryption") || $0.header?.isEncrypted == true },
        DiskRule("`<slices>`", .refused, "it is a part of its file, and qemu-img would write to the file's beginning") {
            $0.sourceHas("slices")
        },
        DiskRule("`<reservations>`", .refused, "it is under SCSI persistent reservations") {
            $0.sourceHas("reservations")
        },
        DiskRule("`fdgroup`", .refused, "its file was handed to libvirt as a descriptor") {
            $0.source?["fdgroup"] != nil
        },
        DiskRule(
            "`<dataStore>`, qcow2 with a data file", .refused, "its data is in another file, which may lie elsewhere"
        ) { $0.sourceHas("dataStore") || $0.has("dataStore") || $0.header?.hasDataFile == true },
        DiskRule("`<mirror>`", .refused, "a block job copies it elsewhere") { $0.has("mirror") },
        DiskRule("a format other than raw and qcow2", .refused, "its format is neither raw nor qcow2") {
            !["raw", "qcow2"].contains($0.format)
        },
        unknown,
    ]

    static let unknown = DiskRule(
        "anything else in `<source>` or `<disk>`, another `type`", .refused,
        "its definition says something of it that Stillpoint does not know"
    ) { $0.unknownPart != nil }

    static let unusualLayer = DiskRule(
        "`<backingStore>` that is no plain file or device: network, encrypted, sliced, unknown", .liveOnly,
        "an image below it can be read by QEMU alone"
    ) { $0.unusualLayer != nil }

    static let unknownOption = DiskRule(
        "an unknown option in `<driver>`", .liveOnly,
        "its driver has an option that Stillpoint does not know"
    ) { $0.unknownDriverPart != nil }

    private static let handled = [
        DiskRule("`type='volume'` of a pool of files or devices", .liveAndOffline, "") { $0.type == "volume" },
        DiskRule("`type='block'`: zvol, partition, LVM, dm-crypt", .liveAndOffline, "") { $0.type == "block" },
        DiskRule(
            "`type='file'`, raw or qcow2; all with `<seclabel>`, `startupPolicy`, `<backingStore>`, `snapshot='no'`, "
                + "`copy_on_read`, `discard`, `detect_zeroes`, `io`, `<iotune>` and the like", .liveAndOffline, ""
        ) { $0.type == "file" },
    ]
}

extension DiskElement {
    fileprivate var isEmpty: Bool {
        switch type {
        case "file": source?["file"] == nil
        case "block": source?["dev"] == nil
        default: source?["pool"] == nil || source?["volume"] == nil
        }
    }
}
