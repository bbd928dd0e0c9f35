internal import XMLTree

/// The arguments that `<qemu:commandline>` adds, as far as they bring disks along (qemu(1), "Block device options").
struct QEMUArguments: Sendable {
    private static let options: Set = [
        "drive", "blockdev", "hda", "hdb", "hdc", "hdd", "mtdblock", "sd", "readconfig", "set", "device", "object",
    ]
    /// Devices with a disk behind them that no block option names.
    private static let diskDevices: Set = [
        "vhost-user-blk", "vhost-user-blk-pci", "vhost-user-scsi", "vhost-user-scsi-pci", "vhost-scsi",
        "vhost-scsi-pci", "vfio-pci", "vfio-ccw", "vhost-vdpa-device", "vhost-vdpa-device-pci",
    ]
    /// Read-only, a CD-ROM or a floppy, the UEFI variables, or writes that go when QEMU ends.
    private static let excluded: Set = [
        "readonly=on", "readonly=", "readonly=true", "read-only=on", "read-only=true", "media=cdrom", "if=floppy",
        "if=pflash", "snapshot=on",
    ]

    private static let imageKeys: Set = ["file", "filename", "file.filename"]

    private let arguments: [String]

    init(_ domain: XMLElement) {
        arguments = (domain.first("qemu:commandline")?.children(named: "qemu:arg") ?? []).compactMap { $0["value"] }
    }

    /// Each option in words, and the image that it names, where it does.
    var disks: [(text: String, path: String?)] {
        arguments.indices.compactMap { index in
            // QEMU takes one dash or two.
            let option = String(arguments[index].drop { $0 == "-" })
            guard arguments[index].hasPrefix("-"), Self.options.contains(option) else { return nil }
            let value = index + 1 < arguments.count ? arguments[index + 1] : ""
            let parts = Self.parts(of: value)
            guard Self.bringsDisk(option, value, parts),
                !parts.contains(where: { Self.excluded.contains("\($0.key)=\($0.value)") })
            else { return nil }
            let named = parts.first { Self.imageKeys.contains($0.key) && $0.value.hasPrefix("/") }?.value
            let isPlain = option != "readconfig" && value.hasPrefix("/")
            return ("-\(option) \(value)", named ?? (isPlain ? value : nil))
        }
    }

    private static func bringsDisk(_ option: String, _ value: String, _ parts: [(key: String, value: String)]) -> Bool {
        switch option {
        case "device":
            parts.contains { diskDevices.contains($0.key) || ($0.key == "driver" && diskDevices.contains($0.value)) }
        case "object":
            parts.contains { $0.key.hasPrefix("memory-backend-file") && $0.value.isEmpty }
                && parts.contains { $0.key == "pmem" && $0.value == "on" }
        case "set": value.hasPrefix("drive.") || value.hasPrefix("blockdev.")
        default: true
        }
    }

    /// `a,b=c` in parts, or the texts of a JSON object; a comma within a value is written twice.
    private static func parts(of value: String) -> [(key: String, value: String)] {
        if value.hasPrefix("{") { return jsonParts(of: value) }
        var parts: [[UInt8]] = [[]]
        var bytes = Array(value.utf8)[...]
        let comma = UInt8(ascii: ",")
        while let byte = bytes.popFirst() {
            if byte != comma {
                parts[parts.count - 1].append(byte)
            } else if bytes.first == comma {
                bytes.removeFirst()
                parts[parts.count - 1].append(byte)
            } else {
                parts.append([])
            }
        }
        return parts.map { part in
            let mark = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            return (
                String(decoding: part[..<mark], as: UTF8.self),
                String(decoding: part[mark...].dropFirst(), as: UTF8.self)
            )
        }
    }

    /// Each name in the object, or in one within it, with the text or the word behind it.
    private static func jsonParts(of text: String) -> [(key: String, value: String)] {
        var words: [String] = []
        var word: [UInt8] = []
        var isQuoted = false
        var isEscaped = false
        func end() {
            if !word.isEmpty || isQuoted { words.append(String(decoding: word, as: UTF8.self)) }
            word = []
        }
        for byte in text.utf8 {
            switch byte {
            case _ where isEscaped:
                isEscaped = false
                word.append(byte)
            case UInt8(ascii: "\\") where isQuoted: isEscaped = true
            case UInt8(ascii: "\""):
                end()
                isQuoted.toggle()
            case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: " "):
                if isQuoted { word.append(byte) } else { end() }
            default: word.append(byte)
            }
        }
        return zip(words, words.dropFirst()).map { ($0, $1) }
    }
}
