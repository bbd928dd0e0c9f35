import TestSupport
import Testing

@testable import Engine
@testable import Hooks
@testable import RunState

@Suite("A document names")
struct CommandTests {
    @Test(
        "of stillpoint only commands that there are, with options that they have",
        arguments: Page.manual + Page.examples)
    func commands(_ page: Page) throws {
        let ours = try Programs.ours.get()
        let lines =
            page.isMarkdown ? page.blocks.flatMap { $0.text.split(separator: "\n") } : page.text.split(separator: "\n")
        let pieces = page.spans + lines.map(String.init)
        for call in pieces.flatMap(Call.all) {
            if let command = call.command {
                #expect(ours.commands.contains(command), "stillpoint \(command)")
            }
            let known = ours.options[call.command ?? call.program] ?? []
            for option in call.options {
                #expect(known.contains(option), "\(call.program) \(call.command ?? "") \(option)")
            }
        }
    }

    @Test("in README.md's table every command")
    func table() throws {
        let table = try #require(try Page("README.md").tables.first { $0.columns.first == "command" })
        let named = Set(table.rows.flatMap { $0[0].matches(of: /`([a-z]+)/).map { String($0.1) } })
        for command in try Programs.ours.get().commands where command != "help" {
            #expect(named.contains(command), "\(command)")
        }
    }

    @Test("in the examples of --help only commands and options that there are, and one in most commands")
    func help() throws {
        let ours = try Programs.ours.get()
        var examples = 0
        for command in ours.commands.sorted() where command != "help" {
            let said = try shell("'\(Programs.folder)/stillpoint' \(command) --help")
            for line in said.output.split(separator: "\n") where line.hasPrefix("    stillpoint ") {
                examples += 1
                for call in Call.all(in: String(line)) {
                    let known = try #require(ours.options[call.command ?? ""], "\(line)")
                    for option in call.options { #expect(known.contains(option), "\(line)") }
                }
            }
        }
        #expect(examples * 2 > ours.commands.count)
    }

    @Test(
        "no option that neither our programs have nor those which it speaks of",
        arguments: Page.manual + Page.examples)
    func options(_ page: Page) throws {
        let known = try Programs.ours.get().allOptions.union(Others.options)
        for match in page.text.matches(of: /(?:^|[\s`"'(\[=])(--[a-z][A-Za-z-]*)/) {
            #expect(known.contains(String(match.1)), "\(match.1)")
        }
    }

    @Test("every command of stillpoint in README.md or its pages, and every option of a restore")
    func complete() throws {
        let ours = try Programs.ours.get()
        let text = Page.all.filter { $0.path == "README.md" || $0.path.hasPrefix("docs/") }.map(\.text).joined()
        for command in ours.commands where command != "help" {
            #expect(text.contains("stillpoint \(command)"), "\(command)")
        }
        for option in ours.options["restore"] ?? [] where !["-h", "--help", "--version", "--config"].contains(option) {
            #expect(text.contains(option), "\(option)")
        }
    }

    @Test("no exit code that there is not", arguments: Page.manual)
    func exitCodes(_ page: Page) {
        let text = page.text.split(separator: "\n").joined(separator: " ")
        for match in text.matches(of: /[Ee]xit(?:s with| code| status)? (\d+)\b/) {
            #expect(Int32(match.1).flatMap(ExitCode.init(rawValue:)) != nil, "\(match.0)")
        }
    }

    @Test("in docs/exit-codes.md every exit code of each program, with since")
    func exitCodeTables() throws {
        let all = (Int32(0)...255).filter { ExitCode(rawValue: $0) != nil }
        let tables = try Page("docs/exit-codes.md").tables.filter { $0.columns.first == "code" }
        let programs = ["pre-snapshot", "post-snapshot", "prune-snapshot", "stillpoint"]
        for program in programs {
            let table = try #require(tables.first { $0.headings.last?.contains(program) == true }, "\(program)")
            #expect(table.columns == ["code", "meaning", "since"])
            #expect(table.rows.compactMap { Int32($0[0]) } == all)
            #expect(table.rows.allSatisfy { $0.count == 3 && !$0[1].isEmpty && $0[2] == stillpointVersion })
        }
    }

    @Test("no user property that is not set", arguments: Page.manual)
    func properties(_ page: Page) {
        let known = [
            SnapshotProperties.consistencyKey, SnapshotProperties.machinesKey, SnapshotProperties.runKey,
            RestoreTrace.property,
        ]
        for match in page.text.matches(of: /stillpoint:[a-z]+/) { #expect(known.contains(String(match.0))) }
    }
}

/// A call of one of our programs.
private struct Call {
    let program: String
    /// Of `stillpoint`.
    var command: String?
    var options: [String] = []

    /// Those in a line of a shell.
    static func all(in line: String) -> [Call] {
        var calls: [Call] = []
        var call: Call?
        var isFirst = false
        for word in line.split(separator: " ").map(String.init) {
            if let open = call, ["|", "&&", "||", ";", "#", "<", ">"].contains(where: word.hasPrefix) {
                calls.append(open)
                call = nil
            }
            if let program = program(word) {
                if let open = call { calls.append(open) }
                call = Call(program: program)
            } else if word.hasPrefix("-"), word.count > 1 {
                let option = word.prefix { !"=;,.)]\"'".contains($0) }
                call?.options.append(option.drop { "[(".contains($0) }.description)
            } else if call?.program == "stillpoint", isFirst, word.wholeMatch(of: /[a-z]+[;,.)"']*/) != nil {
                call?.command = String(word.prefix { $0.isLetter })
            }
            isFirst = program(word) != nil
        }
        return calls + (call.map { [$0] } ?? [])
    }

    private static func program(_ word: String) -> String? {
        let bare = word.drop { "\"'(".contains($0) }
        if bare == "stillpoint" || bare.hasSuffix("bin/stillpoint") || bare.hasSuffix("stillpoint/stillpoint") {
            return "stillpoint"
        }
        guard let name = bare.split(separator: "/").last.map(String.init) else { return nil }
        return Programs.hooks.contains(name) ? name : nil
    }
}
