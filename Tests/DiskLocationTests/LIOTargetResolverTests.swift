import DiskLocation
import TestSupport
import Testing
import ZFS

@Suite("The places of LUNs")
struct LIOTargetResolverTests {
    private static let serial = "6c1b6c5c-b4f6-4b0e-9d57-0f3a7c2e91aa"
    private static let naa = "naa.60014056c1b6c5cb4f64b0e9d570f3a7"

    /// A backstore as configfs shows it; `~` is the scratch folder.
    private struct Backstore {
        var place: String
        var path: String
        var serial = LIOTargetResolverTests.serial
        var company: String?
    }

    private func find(_ naa: String, _ backstores: [Backstore]) throws -> [String] {
        try withScratchFolder { scratch in
            let fixture = try SystemFixture(scratch)
            for store in backstores {
                let folder = "sys/kernel/config/target/core/" + store.place
                let path = store.path.hasPrefix("~") ? scratch.path + store.path.dropFirst() : store.path
                try scratch.write(folder + "/udev_path", path + "\n")
                try scratch.write(folder + "/wwn/vpd_unit_serial", "T10 VPD Unit Serial Number: \(store.serial)\n")
                if let company = store.company { try scratch.write(folder + "/wwn/company_id", company + "\n") }
                try scratch.write(folder + "/../hba_info", "HBA Index: 1 plugin: iblock version: v5.0\n")
            }
            let places = LIOTargetResolver(roots: fixture.roots, storage: try StorageMap(roots: fixture.roots))
            return places.datasets(naa: naa).map(\.rawValue)
        }
    }

    @Test(
        "are the datasets of the device or the file behind the backstore",
        arguments: [
            ("iblock_0/vm", "~/dev/zvol/tank/VM/zv1", ["tank/VM/zv1"]), ("iblock_0/vm", "~/dev/zd0p1", ["tank/VM/zv1"]),
            ("iblock_12/a", "~/dev/mapper/vg-lv", ["tank/VM/my disk", "tank/VM/zv1"]),
            ("fileio_0/f", "~/tank/VM/disk.raw", ["tank/VM"]), ("fileio_3/f", "~/tank/VM/not made yet", ["tank/VM"]),
            ("iblock_0/vm", "~/dev/sda", []), ("iblock_0/vm", "~/dev/zvol/tank/gone", []),
            ("iblock_0/vm", "/nowhere/at/all", []), ("iblock_0/vm", "", []), ("iblock_0/vm", "relative", []),
            ("pscsi_0/vm", "~/dev/zd0", []), ("rd_mcp_0/vm", "~/dev/zd0", []), ("alua/vm", "~/dev/zd0", []),
        ])
    func devices(place: String, path: String, expected: [String]) throws {
        #expect(try find(Self.naa, [Backstore(place: place, path: path)]) == expected)
    }

    @Test(
        "are found by the whole name, in either case",
        arguments: [
            (naa, true), ("NAA.60014056C1B6C5CB4F64B0E9D570F3A7", true),
            ("naa.60014056c1b6c5cb4f64b0e9d570f3a8", false),
            ("naa.60014056c1b6c5cb4f64b0e9d570f3a", false), (naa + "7", false), (serial, false), ("", false),
            ("eui.60014056c1b6c5cb4f64b0e9d570f3a7", false),
        ])
    func names(naa: String, expected: Bool) throws {
        #expect(try find(naa, [Backstore(place: "iblock_0/vm", path: "~/dev/zd0")]).isEmpty != expected)
    }

    @Test(
        "have the name that the kernel makes of a serial number",
        arguments: [
            ("6c1b6c5c-b4f6-4b0e-9d57-0f3a7c2e91aa", nil, naa), ("6C1B6C5CB4F64B0E9D570F3A7C2E91AA", nil, naa),
            ("disk-01", nil, "naa.6001405d010000000000000000000000"),
            ("a", nil, "naa.6001405a000000000000000000000000"),
            ("ab:cd", nil, "naa.6001405abcd000000000000000000000"), ("xyz", nil, nil), ("", nil, nil),
            ("a", "0x001405", "naa.6001405a000000000000000000000000"),
            ("a", "0x589cfc", "naa.6589cfca000000000000000000000000"),
            ("a", "nonsense", "naa.6001405a000000000000000000000000"),
            ("a", "0x1000000", "naa.6001405a000000000000000000000000"),
        ] as [(String, String?, String?)])
    func serials(serial: String, company: String?, expected: String?) throws {
        let store = Backstore(place: "iblock_0/vm", path: "~/dev/zd0", serial: serial, company: company)
        let name = expected ?? "naa.6001405" + String(repeating: "0", count: 25)
        #expect(try find(name, [store]) == (expected == nil ? [] : ["tank/VM/zv1"]))
    }

    @Test("are all those whose backstores have one name")
    func twice() throws {
        let found = try find(
            Self.naa,
            [
                Backstore(place: "iblock_0/a", path: "~/dev/zd16"), Backstore(place: "iblock_1/b", path: "~/dev/zd0"),
                Backstore(place: "iblock_1/c", path: "~/dev/zd32", serial: "other"),
                Backstore(place: "fileio_0/d", path: "~/dev/zd0"),
            ])
        #expect(found == ["tank/VM/my disk", "tank/VM/zv1"])
    }

    @Test("are none where the kernel's target is not loaded")
    func none() throws {
        #expect(try find(Self.naa, []).isEmpty)
    }
}
