import HostFixtures
import Testing
import ZFS

@testable import Configuration

@Suite("A section's name")
struct SectionNameTests {
    private static func complaint(_ text: String) throws -> String? {
        try withHost { host in
            do {
                _ = try host.configuration(text)
                return nil
            } catch let error as ConfigurationError {
                return error.description
            }
        }
    }

    @Test(
        "that is a slip is refused with file, line and what was meant",
        arguments: [
            ("vms web", "did you mean [vm web]?"), ("VM web", "did you mean [vm web]?"),
            ("mv web", "did you mean [vm web]?"),
            ("Vm uuid:x", "did you mean [vm uuid:x]?"), ("typ daily", "did you mean [type daily]?"),
            ("Type daily", "did you mean [type daily]?"), ("types daily", "did you mean [type daily]?"),
            ("tpye daily", "did you mean [type daily]?"), ("hypervisors x", "did you mean [hypervisor x]?"),
            ("hypervizor x", "did you mean [hypervisor x]?"), ("Hypervisor x", "did you mean [hypervisor x]?"),
            ("hypervisor_x", "did you mean [hypervisor x]?"), ("hypervisors", "did you mean [hypervisor NAME]?"),
            ("templates_x", "did you mean [template_x]?"), ("Template_x", "did you mean [template_x]?"),
            ("template-x", "did you mean [template_x]?"), ("template x", "did you mean [template_x]?"),
            ("tempalte_x", "did you mean [template_x]?"), ("stillpiont", "did you mean [stillpoint]?"),
            ("Stillpoint", "did you mean [stillpoint]?"), ("stillpoint x", "did you mean [stillpoint]?"),
            ("type_daily", "did you mean [type daily]?"), ("type-daily", "did you mean [type daily]?"),
            ("type:daily", "did you mean [type daily]?"), ("vm:web", "did you mean [vm web]?"),
            ("vms:web", "did you mean [vm web]?"), ("datasets tank", "did you mean [dataset tank]?"),
            ("db*", "did you mean [vm db*]?"),
            ("db[0-9]", "did you mean [vm db[0-9]]?"), ("vm", "the PATTERN is missing"),
            ("type", "the NAME is missing"),
            ("type ", "the NAME is missing"), ("hypervisor", "the NAME is missing"),
            ("template_", "the NAME is missing"),
            ("template", "the NAME is missing"), ("dataset", "the NAME is missing"),
            ("group erp", "valid are [stillpoint]"),
            ("machine web", "valid are [stillpoint]"), ("virtual machine/web", "valid are [stillpoint]"),
            ("type a,b", "write a section for each"), ("type a b", "write a section for each"),
            ("vm uuid:", "is no UUID"), ("vm uuid:c0ffee", "is no UUID"), ("vm uuid:x", "[vm [u]uid:x]"),
            ("vm uuid:c0ffee00-0000-4000-8000-00000000000g", "is no UUID"),
            ("vm uuid:c0ffee00-0000-4000-8000-000000000001*", "is no UUID"), ("tank//VM", "two slashes"),
            ("dataset tank//VM", "two slashes"), ("tank@x", "'@'"),
        ])
    func slips(name: String, hint: String) throws {
        let said = try #require(try Self.complaint("; a line before it\n[\(name)]\n"))
        #expect(said.contains("/stillpoint.conf:2: ") && said.contains(hint), "\(said)")
    }

    @Test(
        "that can well be a dataset's is one, and any is with the word dataset before it",
        arguments: [
            ("tank", "tank"), ("tank/my data", "tank/my data"), ("tank/vm web", "tank/vm web"), ("vms", "vms"),
            ("VM", "VM"),
            ("vm2", "vm2"), ("vm/disks", "vm/disks"), ("type/a", "type/a"), ("types", "types"), ("vm-data", "vm-data"),
            ("vm_data", "vm_data"), ("types-old", "types-old"),
            ("templates_x/a", "templates_x/a"), ("hyper", "hyper"), ("t", "t"), ("still", "still"),
            ("dataset vm", "vm"), ("dataset type", "type"), ("dataset my pool", "my pool"),
            ("dataset stillpoint", "stillpoint"), ("dataset templates_x", "templates_x"),
            ("dataset dataset", "dataset"),
        ])
    func datasets(name: String, expected: String) throws {
        try withHost { host in
            let found = try host.configuration("[\(name)]\nrecursive = yes\n")
            #expect(found.datasets.map(\.dataset.rawValue) == [expected])
        }
    }

    @Test("that is refused though a dataset may have it is followed by the way to write that")
    func wayOut() throws {
        #expect(try Self.complaint("[vms web]")?.hasSuffix("? (a dataset of that name: [dataset vms web])") == true)
        #expect(try Self.complaint("[vm]")?.hasSuffix(" (a dataset of that name: [dataset vm])") == true)
        #expect(try Self.complaint("[db*]")?.hasSuffix("?") == true)
    }

    @Test(
        "stands once, however it is written",
        arguments: [
            "[type daily]\n[type  daily]", "[tank]\n[dataset tank]", "[vm a]\n[vm\ta]",
            "[vm uuid:C0FFEE00-0000-4000-8000-000000000001]\n[vm uuid:c0ffee00000040008000000000000001]",
        ])
    func duplicates(text: String) throws {
        #expect(try Self.complaint(text)?.contains("stands in line 1 already") == true)
    }

    @Test(
        "asks no libvirtd that an earlier one asks, unless one of them is not enabled",
        arguments: [
            (
                "[hypervisor a]\n[hypervisor b]\nuri = qemu:///system",
                ":3: [hypervisor b] asks the libvirtd of [hypervisor a] (line 1)"
            ),
            (
                "[hypervisor a]\nuri = qemu+unix:///system\n[hypervisor b]",
                ":3: [hypervisor b] asks the libvirtd of [hypervisor a] (line 2)"
            ),
            (
                "[hypervisor a]\nuri = qemu+ssh://a/system\npath_map = /a=/b\noverlay_dir = /o\n[hypervisor b]\n"
                    + "uri = qemu+ssh://a/system\npath_map = /a=/c\noverlay_dir = /p", ":6: "
            ),
            ("[hypervisor a]\n[hypervisor b]\nuri = qemu:///session", nil),
            ("[hypervisor a]\n[hypervisor b]\nenabled = no", nil),
            ("[hypervisor a]\nenabled = no\n[hypervisor b]", nil),
        ] as [(String, String?)])
    func sameLibvirtd(text: String, said: String?) throws {
        let found = try Self.complaint(text)
        #expect(said.map { found?.contains($0) == true } ?? (found == nil), "\(found ?? "")")
    }

    @Test(
        "that no bracket ends is refused with the line as it should be",
        arguments: [
            ("[type daily", "write [type daily] and"), ("[vm web ; comment]", "write [vm web] and"),
            ("[vm db*] strategy = ignore", "write [vm db*] and"), ("[", "write [name]"),
            ("[hypervisor a https://root:secret@vc", "write [name]"),
        ])
    func unclosed(line: String, hint: String) throws {
        let said = try #require(try Self.complaint("[tank]\n\(line)\n"))
        #expect(said.contains("/stillpoint.conf:2: ") && said.contains(hint) && !said.contains("secret"), "\(said)")
    }

    @Test(
        "says which keys there are",
        arguments: [
            ("[type daily]\nrecursive = yes", "valid here: use_template, strategy, on_failure"),
            ("[hypervisor a]\nenabled = maybe", "valid: yes, no"), ("[hypervisor a]\nenabled =", "a value is needed"),
            ("[hypervisor a]\nenabled = on", "valid: yes, no"),
            ("[hypervisor a]\nenabled = no\nkind = qemu", "kind = 'qemu'"),
            ("[hypervisor a]\nenabled = nо", "valid: yes, no"),
            ("[hypervisor a]\nenabled = no\nurl = x", "unknown key 'url'"),
            ("[type daily]\nstrategy = quiesced", "did you mean 'quiesce'?"),
            ("[type daily]\nuse_template = none", "no section [template_none]"),
        ])
    func keys(text: String, hint: String) throws {
        let said = try #require(try Self.complaint(text))
        #expect(said.contains(hint), "\(said)")
    }
}
