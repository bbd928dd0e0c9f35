import TestSupport
import Testing

@Suite("The manual pages")
struct ManualPageTests {
    /// All of them, by `man8/stillpoint.8`.
    private static func withPages(_ body: (_ folder: String, _ pages: [String: String]) throws -> Void) throws {
        try withScratchFolder { scratch in
            let said = try shell("'\(Page.top)/packaging/man' '\(Programs.folder)' '\(scratch.path)'")
            try #require(said.status == 0 && said.output.isEmpty, "\(said.output)")
            var pages: [String: String] = [:]
            for section in try scratch.names(in: ".") where section.hasPrefix("man") {
                for name in try scratch.names(in: section) {
                    let path = "\(section)/\(name)"
                    pages[path] = String(decoding: try readFile("\(scratch.path)/\(path)"), as: UTF8.self)
                }
            }
            try body(scratch.path, pages)
        }
    }

    @Test("have one for each command and each hook, with its options and exit codes")
    func complete() throws {
        try Self.withPages { _, pages in
            let ours = try Programs.ours.get()
            let overview = try #require(pages["man8/stillpoint.8"])
            for command in ours.commands where command != "help" {
                let page = try #require(pages["man8/stillpoint-\(command).8"], "\(command)")
                #expect(overview.contains(".BR stillpoint\\-\(command) (8)\n"), "\(command)")
                Self.expect(page, has: ours.options[command] ?? [], of: command)
            }
            for hook in Programs.hooks {
                let page = try #require(pages["man8/\(hook).8"], "\(hook)")
                Self.expect(page, has: ours.options[hook] ?? [], of: hook)
            }
            let keys = try #require(pages["man5/stillpoint.conf.5"])
            #expect(keys.contains("overlay_dir") && keys.contains("STILLPOINT_CONFIG"))
            #expect(try #require(pages["man7/stillpoint-findings.7"]).contains(".SH SP101\n"))
            #expect(try #require(pages["man7/stillpoint-reasons.7"]).contains(".SH agent\\-silent\n"))
        }
    }

    private static func expect(_ page: String, has options: Set<String>, of program: String) {
        for option in options.subtracting(["-h", "--help", "--version"]) {
            #expect(
                page.contains(option.split(separator: "-", omittingEmptySubsequences: false).joined(separator: "\\-")),
                "\(program) \(option)")
        }
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO"] {
            #expect(page.contains(".SH \(section)\n"), "\(program) \(section)")
        }
        #expect(page.contains(".TP\n.B 0\n") && page.contains(".TP\n.B 2\n"), "\(program)")
    }

    @Test("say of a command's exit codes what is its own alone")
    func exitCodes() throws {
        try Self.withPages { _, pages in
            let check = try #require(pages["man8/stillpoint-check.8"])
            #expect(check.contains("it found a problem") && !check.contains("there is no snapshot"))
            let list = try #require(pages["man8/stillpoint-list.8"])
            #expect(list.contains("the command failed") && !list.contains("it found a problem"))
            #expect(list.contains("an unknown dataset") && !list.contains("restore that was"))
            let report = try #require(pages["man8/stillpoint-report.8"])
            #expect(report.contains("does not write to") && report.contains("(default: 365)"))
            for command in try Programs.ours.get().commands where command != "help" {
                #expect(pages["man8/stillpoint-\(command).8"]?.contains("not used") == false, "\(command)")
            }
            for name in ["notify", "recover", "status", "restore", "snapshot", "archive"] {
                #expect(pages["man8/stillpoint-\(name).8"]?.contains(".TP\n.B 3\n") == true, "\(name)")
            }
        }
    }

    @Test("name only pages that there are")
    func references() throws {
        try Self.withPages { _, pages in
            let known = Set(pages.keys.map { $0.split(separator: "/").last.map(String.init) ?? "" })
            for (path, page) in pages {
                for match in page.matches(of: /\.BR ([a-z.\\-]+) \((\d)\)/) {
                    let name = match.1.filter { $0 != "\\" } + "." + match.2
                    #expect(known.contains(name) || name == "zfs.8", "\(path): \(name)")
                }
            }
        }
    }

    @Test(
        "are read by man and by mandoc without a complaint",
        arguments: [
            "man --warnings --local-file", "mandoc -T lint -W warning",
        ])
    func readers(command: String) throws {
        try Self.withPages { folder, pages in
            #expect(pages.count > 10)
            let said = try shell(
                "cd '\(folder)'; for page in man*/*; do echo \"$page\" >&2; LC_ALL=C.UTF-8 MANWIDTH=80 \(command) \"$page\" </dev/null "
                    + "2>&1 >text || echo failed; done; echo read; \(command.hasPrefix("man ") ? "[ -s text ] && echo text" : "cat text")"
            )
            let lines = Set(said.output.split(separator: "\n").map(String.init))
            #expect(lines.subtracting(pages.keys).subtracting(["read", "text"]) == [], "\(said.output)")
            #expect(lines.contains("read"))
        }
    }
}
