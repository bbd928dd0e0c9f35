import Glibc
import HostFixtures
import Hypervisor
import TestSupport
import Testing

@testable import Configuration

@Suite("The configuration's reference")
struct ConfigurationReferenceTests {
    private static var sections: [SectionReference] { ConfigurationReference.sections }

    @Test("is docs/configuration.md")
    func page() throws {
        let folder = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/docs"
        if getenv("STILLPOINT_WRITE_DOCS") != nil {
            try ScratchFolder(path: folder).write("configuration.md", ConfigurationReference.page)
        }
        let page = String(decoding: try readFile(folder + "/configuration.md"), as: UTF8.self)
        #expect(
            page == ConfigurationReference.page,
            "write it anew: STILLPOINT_WRITE_DOCS=1 swift test --filter ConfigurationReferenceTests")
    }

    @Test(
        "says of every key what it may be, what it is when it is left out, and what it means",
        arguments: sections.indices)
    func complete(index: Int) {
        let section = Self.sections[index]
        #expect(!section.keys.isEmpty && !section.text.isEmpty)
        #expect(Set(section.keys.map(\.name)).count == section.keys.count)
        let optional = ["use_template", "thumbprint", "datastore", "lun", "path_map"]
        for key in section.keys {
            #expect(!key.values.isEmpty && !key.meaning.isEmpty, "\(key.name)")
            #expect(key.writtenDefault != nil || !key.unset.isEmpty || optional.contains(key.name), "\(key.name)")
            // It would be another cell, or two sentences.
            #expect(!key.meaning.contains("|") && !key.meaning.hasSuffix("."), "\(key.name)")
        }
    }

    @Test("has the defaults that are in force when there is no file")
    func defaults() throws {
        let text = Self.sections[0].keys.compactMap { key in key.writtenDefault.map { "\(key.name) = \($0)\n" } }
            .joined()
        let local = Self.sections[1].keys.compactMap { key in key.writtenDefault.map { "\(key.name) = \($0)\n" } }
            .joined()
        let found = try withHost { try $0.configuration("[stillpoint]\n\(text)[hypervisor local]\n\(local)") }
        let usual = Configuration()
        #expect(found.shared == usual.shared && found.hypervisors == usual.hypervisors && found.policy == usual.policy)
        #expect(found.stateDirectory == usual.stateDirectory && found.coldStorage == usual.coldStorage)
        #expect(found.sanoidDirectory == usual.sanoidDirectory && found.ramCompression == usual.ramCompression)
        #expect(found.maxParallel == usual.maxParallel && found.maxHold == usual.maxHold)
    }

    @Test(
        "lists the keys of a section as the complaint about an unknown one does",
        arguments: [
            ("[stillpoint]", "stillpoint"), ("[hypervisor NAME]", "hypervisor a"),
            ("[POOL/DATASET]", "tank"), ("[vm PATTERN]", "vm a"), ("[type NAME]", "type a"),
            ("[template_NAME]", "template_a"),
        ])
    func complaint(name: String, section: String) throws {
        let keys = try #require(Self.sections.first { $0.name == name }).keys.map(\.name)
        let error = try #require(
            #expect(throws: ConfigurationError.self) {
                _ = try withHost { try $0.configuration("[\(section)]\nqqqqqqqqqqqq = 1\n") }
            })
        #expect(error.description.hasSuffix("valid here: \(keys.joined(separator: ", "))"), "\(error.description)")
    }
}
