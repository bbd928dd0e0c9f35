import Glibc
import Hypervisor
import TestSupport
import Testing
import XMLTree

@testable import LibvirtHypervisor

@Suite("A domain's files")
struct DomainFilesTests {
    static let uuid = "c0ffee00-0000-4000-8000-000000000001"
    static let emulated = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"

    private func domain(nvram: String = "", tpm: String = emulated, uuid: String = uuid) throws -> XMLElement {
        try XMLElement.parse(
            "<domain><name>web</name><uuid>\(uuid)</uuid><os>\(nvram)</os><devices>\(tpm)</devices></domain>")
    }

    @Test("are its UEFI variables and all of its TPM's state")
    func all() throws {
        try withScratchFolder { scratch in
            let nvram = try scratch.write("my vm, é_VARS.fd", "v")
            try scratch.write("tpm/\(Self.uuid)/tpm2/tpm2-00.permall", "p")
            try scratch.write("tpm/\(Self.uuid)/tpm2/.lock", "")
            try scratch.write("tpm/\(Self.uuid)/notes", "n")
            try scratch.link("tpm/\(Self.uuid)/link", to: "/etc/passwd")
            try scratch.write("tpm/another/tpm2/tpm2-00.permall", "p")
            let folder = scratch.path + "/tpm/" + Self.uuid
            let files = DomainFiles(tpmRoot: scratch.path + "/tpm")
            let tpm = [
                SavedFile(name: "swtpm/notes", path: folder + "/notes"),
                SavedFile(name: "swtpm/tpm2/.lock", path: folder + "/tpm2/.lock"),
                SavedFile(name: "swtpm/tpm2/tpm2-00.permall", path: folder + "/tpm2/tpm2-00.permall"),
            ]
            let variables = SavedFile(name: "nvram", path: nvram)
            #expect(files.list(for: try domain(nvram: "<nvram template='/t'>\(nvram)</nvram>")) == [variables] + tpm)
            let source = "<nvram type='file'><source file='\(nvram)'/></nvram>"
            #expect(files.list(for: try domain(nvram: source, tpm: "")) == [variables])
            let passthrough = "<tpm><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>"
            #expect(files.list(for: try domain(tpm: passthrough)).isEmpty)
            #expect(files.list(for: try domain(nvram: "<nvram>\(scratch.path)/none</nvram>")) == tpm)
            #expect(files.list(for: try domain(nvram: "<nvram>\(scratch.path)</nvram>")) == tpm)
        }
    }

    @Test("of a domain without any are none", arguments: ["<nvram/>", "<nvram template='/t'/>", "<nvram>rel</nvram>"])
    func none(nvram: String) throws {
        let files = DomainFiles(tpmRoot: "/nonexistent")
        #expect(files.list(for: try domain(nvram: nvram)).isEmpty)
        #expect(files.list(for: XMLElement("domain")).isEmpty)
    }

    @Test("are put where the new domain needs them, with modes and folders, and go again")
    func placed() throws {
        try withScratchFolder { scratch in
            let other = "d0ffee00-0000-4000-8000-000000000002"
            let files = DomainFiles(tpmRoot: scratch.path + "/tpm")
            let kept = [
                SavedFile(name: "nvram", path: try scratch.write("kept/nvram", "v", mode: 0o640)),
                SavedFile(name: "swtpm/tpm2/state", path: try scratch.write("kept/state", "p", mode: 0o600)),
            ]
            try scratch.folder("nvram")
            let new = try domain(nvram: "<nvram>\(scratch.path)/nvram/b_VARS.fd</nvram>", uuid: other)
            let old = try domain(nvram: "<nvram>\(scratch.path)/nvram/a_VARS.fd</nvram>")
            let placements = try files.placements(of: kept, for: new, original: old)
            for placement in placements { try placement.requireAbsence() }
            let made = try placements.flatMap { try $0.place() }
            #expect(
                made
                    == ["/nvram/b_VARS.fd", "/tpm", "/tpm/\(other)", "/tpm/\(other)/tpm2", "/tpm/\(other)/tpm2/state"]
                    .map { scratch.path + $0 })
            #expect(try readFile(scratch.path + "/nvram/b_VARS.fd") == Array("v".utf8))
            #expect(try scratch.mode("nvram/b_VARS.fd") == 0o600)
            #expect(try scratch.mode("tpm/\(other)/tpm2/state") == 0o600)
            #expect(try scratch.names(in: "nvram") == ["b_VARS.fd"])
            let error = #expect(throws: HypervisorError.self) { try placements[0].requireAbsence() }
            #expect(error?.code == .exists)
            FilePlacement.remove(made)
            #expect(try scratch.names(in: "") == ["kept", "nvram"])
            #expect(try scratch.names(in: "nvram").isEmpty)
        }
    }

    @Test("that were there are replaced when a domain is put back, and stay")
    func replaced() throws {
        try withScratchFolder { scratch in
            let path = try scratch.write("a_VARS.fd", "old")
            let kept = SavedFile(name: "nvram", path: try scratch.write("kept", "new", mode: 0o600))
            let domain = try domain(nvram: "<nvram>\(path)</nvram>")
            let placements = try DomainFiles().placements(of: [kept], for: domain, original: domain)
            #expect(try placements.flatMap { try $0.place() } == [])
            #expect(try readFile(path) == Array("new".utf8))
            #expect(try scratch.names(in: "") == ["a_VARS.fd", "kept"])
        }
    }

    @Test("that cannot be copied leave nothing behind")
    func failed() throws {
        try withScratchFolder { scratch in
            let placement = FilePlacement(from: scratch.path + "/none", to: scratch.path + "/a/b", original: nil)
            let error = #expect(throws: HypervisorError.self) { _ = try placement.place() }
            #expect(error?.cause != nil)
            let left = try scratch.names(in: "")
            #expect(left.isEmpty)
        }
    }

    @Test(
        "of other names are refused",
        arguments: [
            "swtpm/../../../etc/shadow", "swtpm/", "swtpm//a", "swtpm/./a", "/etc/shadow", "", "disk", "nvram/x",
        ])
    func foreign(name: String) throws {
        let domain = try domain(nvram: "<nvram>/a</nvram>")
        let error = #expect(throws: HypervisorError.self) {
            try DomainFiles().placements(of: [SavedFile(name: name, path: "/k")], for: domain, original: domain)
        }
        #expect(error?.remedy == .stop)
    }
}
