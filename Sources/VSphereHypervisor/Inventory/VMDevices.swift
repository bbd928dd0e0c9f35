internal import Hypervisor
internal import Support
internal import XMLTree

/// The devices of a VM, as far as snapshots go.
struct VMDevices: Sendable {
    /// Its disks, in the server's order.
    let disks: [VMDisk]
    /// Why no snapshot of the VM can be taken.
    let obstacles: [StrategyObstacle]
    /// A PCI device of the host's that the VM has, in words; nil where it has none.
    let passthrough: String?

    /// Reads config.hardware.device: an ArrayOfVirtualDevice.
    init(_ array: XMLElement) {
        let devices = array.children(named: "VirtualDevice")
        let controllers = Dictionary(
            devices.compactMap { device in Controller(device).map { ($0.key, $0) } },
            uniquingKeysWith: { first, _ in first })
        disks = devices.filter { $0.instanceType == "VirtualDisk" }.map { VMDisk($0, controllers) }
        passthrough = devices.lazy.compactMap(Self.passthrough).first
        var obstacles: [StrategyObstacle] = []
        func add(_ reason: ReasonCode, _ what: String) {
            obstacles.append(StrategyObstacle(reason, "\(what), which forbids snapshots"))
        }
        if let passthrough { add(.deviceUnsupported, passthrough) }
        for controller in controllers.values.sorted(by: { $0.key < $1.key }) where controller.isShared {
            add(.diskUnsupported, "\(controller.name) shares its bus with other VMs")
        }
        for disk in disks where disk.isPhysicalRDM {
            add(.diskUnsupported, "\(disk.target) is a raw device in physical mode")
        }
        for disk in disks where disk.isMultiWriter {
            add(.diskUnsupported, "\(disk.target) has several VMs that write to it")
        }
        self.obstacles = obstacles
    }

    private static func passthrough(_ device: XMLElement) -> String? {
        guard ["VirtualPCIPassthrough", "VirtualSriovEthernetCard"].contains(device.instanceType) else { return nil }
        let label = device.first("deviceInfo", "label")?.text ?? ""
        return "a PCI device is passed through\(label.isEmpty ? "" : " (\(printable(label)))")"
    }

    /// A controller that disks hang on.
    struct Controller: Sendable {
        let key: String
        /// `scsi0`
        let name: String
        let isShared: Bool

        init?(_ device: XMLElement) {
            guard let key = device.value("key"), let bus = device.value("busNumber"), let type = device.instanceType
            else {
                return nil
            }
            let kind: String
            switch type {
            case "VirtualIDEController": kind = "ide"
            case "VirtualAHCIController", "VirtualSATAController": kind = "sata"
            case "VirtualNVMEController": kind = "nvme"
            case "ParaVirtualSCSIController", "VirtualBusLogicController", "VirtualLsiLogicController",
                "VirtualLsiLogicSASController", "VirtualSCSIController":
                kind = "scsi"
            default: return nil
            }
            self.key = key
            name = kind + bus
            let sharing = device.value("sharedBus") ?? "noSharing"
            isShared = sharing != "noSharing"
        }
    }
}
