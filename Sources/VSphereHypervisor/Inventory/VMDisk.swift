internal import XMLTree

/// A disk of a VM.
struct VMDisk: Sendable, Equatable {
    /// An image of its chain.
    struct Image: Sendable, Equatable {
        /// `[datastore] folder/name.vmdk`
        let file: String
        /// The datastore that it is on, where the server says.
        let datastore: MoRef?
    }

    /// `scsi0:1`
    let target: String
    /// Its images, the one that is written first.
    let chain: [Image]
    /// VM snapshots leave it out.
    let isIndependent: Bool
    /// What is written to it is lost, or asked about, when the VM is powered off.
    let isDiscarded: Bool
    let isPhysicalRDM: Bool
    let isMultiWriter: Bool

    private static let longestChain = 64

    init(_ device: XMLElement, _ controllers: [String: VMDevices.Controller]) {
        let controller = device.value("controllerKey").flatMap { controllers[$0]?.name } ?? "disk"
        target = "\(controller):\(device.value("unitNumber") ?? device.value("key") ?? "?")"
        let top = device.first("backing")
        let mode = top?.value("diskMode") ?? ""
        isIndependent = mode.hasPrefix("independent")
        isDiscarded = ["nonpersistent", "independent_nonpersistent", "undoable"].contains(mode)
        isPhysicalRDM = top?.value("compatibilityMode") == "physicalMode"
        isMultiWriter = top?.value("sharing") == "sharingMultiWriter"
        var chain: [Image] = []
        var next = top
        while let backing = next, chain.count < Self.longestChain {
            if let file = backing.value("fileName") {
                chain.append(Image(file: file, datastore: MoRef(backing.first("datastore"))))
            }
            next = backing.first("parent")
        }
        self.chain = chain
    }
}
