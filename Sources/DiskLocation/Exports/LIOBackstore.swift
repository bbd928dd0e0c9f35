internal import Support

/// One device or file that the kernel's target (LIO) offers, as its configfs shows it.
struct LIOBackstore: Sendable, Equatable {
    /// The device or the file (`udev_path`).
    let path: String
    /// What an initiator calls it: `naa.6001405…`.
    let naa: String

    /// Block devices and files; the other kinds (pscsi, rd_mcp, user) have no file or device of ours behind them.
    static func all(roots: SystemRoots) -> [LIOBackstore] {
        let core = roots.sys + "/kernel/config/target/core"
        var found: [LIOBackstore] = []
        for adapter in FileAccess.names(in: core) where adapter.hasPrefix("iblock_") || adapter.hasPrefix("fileio_") {
            for name in FileAccess.names(in: "\(core)/\(adapter)") {
                // Beside the backstores stand the adapter's own attributes, hba_info and hba_mode.
                if let backstore = LIOBackstore(folder: "\(core)/\(adapter)/\(name)") { found.append(backstore) }
            }
        }
        return found
    }

    private init?(folder: String) {
        guard let path = Self.line(folder + "/udev_path"), path.hasPrefix("/"),
            let serial = Self.line(folder + "/wwn/vpd_unit_serial")
        else { return nil }
        self.path = path
        // "T10 VPD Unit Serial Number: 6c1b…"; without a number the kernel gives the LUN no such name.
        let number = serial.utf8.firstIndex(of: UInt8(ascii: ":")).map { serial[$0...] } ?? Substring(serial)
        guard number.contains(where: \.isHexDigit) else { return nil }
        naa = Self.naa(
            serial: number, company: Self.line(folder + "/wwn/company_id").flatMap(Self.company) ?? 0x001405)
    }

    /// The name that the kernel makes of a serial number (spc_gen_naa_6h_vendor_specific in target_core_spc.c): `6`, the
    /// vendor's 6 digits, then 25 of the serial's hexadecimal digits, all else passed over, and zeros where it is short.
    static func naa(serial: Substring, company: UInt32) -> String {
        let digits = serial.lowercased().filter { $0.isASCII && $0.isHexDigit }.prefix(25)
        let vendor = String(company, radix: 16)
        return "naa.6" + String(repeating: "0", count: max(0, 6 - vendor.count)) + vendor
            + digits + String(repeating: "0", count: 25 - digits.count)
    }

    /// `0x001405`; kernels that lack the attribute always take that.
    private static func company(_ text: String) -> UInt32? {
        guard text.hasPrefix("0x"), let value = UInt32(text.dropFirst(2), radix: 16), value < 1 << 24 else {
            return nil
        }
        return value
    }

    /// A file's first line; nil where there is none.
    private static func line(_ path: String) -> String? {
        guard let bytes = try? FileAccess.read(path, limit: 8192) else { return nil }
        let text = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        return text.isEmpty ? nil : text
    }
}
