internal import Support
internal import XMLTree

/// Tells which devices of the host that are passed through are storage.
struct HostDevices: Sendable {
    /// sysfs; nil: the devices are another host's.
    var root: String? = "/sys"

    /// A `<hostdev>` with storage that the guest may write to. Where a device cannot be examined, it may be.
    func isWritableStorage(_ device: XMLElement) -> Bool {
        guard device.first("readonly") == nil, device.first("shareable") == nil else { return false }
        switch device["type"] {
        case "scsi", "scsi_host", "storage": return true
        case "mdev": return device["model"] == "vfio-ccw"
        case "pci": return isPCIStorage(device.first("source", "address"))
        case "usb": return isUSBStorage(device.first("source", "address"))
        default: return false
        }
    }

    /// Its class begins with 01 (PCI Code and ID Assignment, "Mass storage controller").
    private func isPCIStorage(_ address: XMLElement?) -> Bool {
        guard let root, let address, let domain = number(address["domain"] ?? "0"), let bus = number(address["bus"]),
            let slot = number(address["slot"]), let function = number(address["function"])
        else { return true }
        let name =
            "\(hexadecimal(domain, 4)):\(hexadecimal(bus, 2)):\(hexadecimal(slot, 2)).\(hexadecimal(function, 1))"
        guard let text = text("\(root)/bus/pci/devices/\(name)/class") else { return true }
        return text.hasPrefix("0x01")
    }

    /// One of its interfaces is of the class 08, mass storage. One that is not plugged in holds no disk.
    private func isUSBStorage(_ address: XMLElement?) -> Bool {
        guard let root else { return true }
        guard let address, let bus = number(address["bus"]), let device = number(address["device"]) else {
            return false
        }
        let folder = "\(root)/bus/usb/devices"
        let names = FileAccess.names(in: folder)
        guard
            let name = names.first(where: { name in
                number(text("\(folder)/\(name)/busnum")) == bus && number(text("\(folder)/\(name)/devnum")) == device
            })
        else { return false }
        return names.contains { $0.hasPrefix(name + ":") && text("\(folder)/\($0)/bInterfaceClass") == "08" }
    }

    private func text(_ path: String) -> String? {
        guard let bytes = try? FileAccess.read(path, limit: 64) else { return nil }
        return String(decoding: bytes.prefix { $0 > 0x20 }, as: UTF8.self)
    }

    private func number(_ text: String?) -> Int? {
        guard let text else { return nil }
        return text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text)
    }

    private func hexadecimal(_ number: Int, _ digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

extension Connection {
    /// Those of the domains' host.
    var hostDevices: HostDevices { site == nil ? HostDevices() : HostDevices(root: nil) }
}
