import SnapshotManagers
import TestSupport
import Testing
import XMLTree
import ZFS

@testable import Configuration
@testable import JSON

@Suite("A code block of a document")
struct CodeBlockTests {
    /// Of these each is tried; `console` is what was typed and answered, `text` anything else.
    private static let languages = ["sh", "ini", "xml", "json", "yaml", "nix", "console", "text"]
    private static let blocks = Page.manual.flatMap(\.blocks)

    @Test("says what it is", arguments: blocks)
    func language(_ block: CodeBlock) {
        #expect(Self.languages.contains(block.language), "\(block.language)")
    }

    @Test("of a shell is one that bash reads", arguments: blocks.filter { $0.language == "sh" })
    func shellBlock(_ block: CodeBlock) throws {
        let said = try shell("bash -n", input: block.text)
        #expect(said.status == 0 && said.output.isEmpty, "\(said.output)")
    }

    @Test("of a configuration is read as it is", arguments: blocks.filter { $0.language == "ini" })
    func configuration(_ block: CodeBlock) throws {
        try withScratchFolder { scratch in
            let hooks = ["pre_snapshot_script", "post_snapshot_script", "pruning_script"]
            if hooks.contains(where: block.text.contains) {
                try scratch.write("sanoid.conf", block.text)
                let sanoid = try SanoidConfiguration(directory: scratch.path, defaultsPaths: [])
                let names = block.text.split(separator: "\n").compactMap { $0.wholeMatch(of: /\[([^\]]+)\]\s*/)?.1 }
                for name in names where !name.hasPrefix("template_") {
                    #expect(sanoid.scriptTimeout(for: try DatasetName(String(name))) == .seconds(120))
                }
                #expect(!names.isEmpty)
                // To sanoid it is part of the value.
                let comments = block.text.split(separator: "\n").filter { $0.contains(/=.*[#;]/) }
                #expect(comments.isEmpty, "a comment behind a value")
            } else if block.text.contains("[Service]") {
                #expect(!block.text.contains("stillpoint"), "a unit of ours is in hooks/systemd")
            } else {
                let path = try scratch.write("stillpoint.conf", block.text)
                _ = try Configuration.load(path: path, environment: [:], kinds: ["libvirt", "vsphere", "exec"])
            }
        }
    }

    @Test("for sanoid has the datasets that it says are snapshotted recursively")
    func recursion() throws {
        let block = try #require(try Page("hooks/sanoid/README.md").blocks.first)
        try withScratchFolder { scratch in
            try scratch.write("sanoid.conf", block.text)
            let sanoid = try SanoidConfiguration(directory: scratch.path, defaultsPaths: [])
            #expect(sanoid.isZFSRecursive(try DatasetName("tank/VM")))
        }
    }

    @Test("of XML or JSON is read", arguments: blocks.filter { ["xml", "json"].contains($0.language) })
    func tree(_ block: CodeBlock) throws {
        if block.language == "xml" {
            _ = try XMLElement.parse(block.text)
        } else {
            _ = try JSONValue(parsing: Array(block.text.utf8), within: .json)
        }
    }

    @Test("is found in README.md, in each language that is tried")
    func found() throws {
        let languages = Set(Self.blocks.map(\.language))
        #expect(languages.isSuperset(of: ["sh", "ini", "xml", "json"]))
        #expect(try Page("README.md").blocks.count > 5)
    }

    @Test("is in README.md for sanoid what examples/sanoid-with-stillpoint.conf has, too")
    func sameAsExample() throws {
        let example = try Page("examples/sanoid-with-stillpoint.conf").text
        let block = try #require(try Page("README.md").blocks.first)
        let lines = block.text.split(separator: "\n").filter { $0.contains("snapshot_script") }
        #expect(lines.count == 2)
        for line in lines {
            let parts = line.split(separator: "=").map { $0.filter { $0 != " " } }
            #expect(example.contains("\(parts[0]) = \(parts[1])"))
        }
    }
}
