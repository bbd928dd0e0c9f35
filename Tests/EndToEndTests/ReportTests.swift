import Testing

extension RealParts {
    @Suite("The report's page, of real parts,")
    struct ReportTests {
        @Test("shows what a guest got and what its snapshot says, and is HTML without an error")
        func page() async throws {
            let guest = Stage.Guest(name: "reported", options: "--no-agent")
            try await Stage.with("report", [guest]) { stage in
                let snapshot = "\(stage.dataset)@a"
                try await need("\(stage.lab.preSnapshot) \(snapshot) && zfs snapshot \(snapshot)")
                try await need("\(stage.lab.postSnapshot) \(snapshot)")
                try await need("zfs set stillpoint:evidence=reported=ext4:dirty \(snapshot)")
                let program = "\(stage.lab.binaries)/stillpoint"
                let file = "\(stage.lab.folder)/report.html"
                let done = try await shell("\(program) report --html \(file) \(stage.dataset)")
                #expect(done.status == 0 && done.errors.isEmpty && done.output.isEmpty, "\(done.errors)")
                let page = try await need("cat \(file)")
                #expect(page.contains("<bdi>reported</bdi>") && page.contains("evidence dirty"))
                #expect(page.contains(##"<a href="#reason-"##))
                #expect(page.contains("<bdi>\(stage.dataset)</bdi>"))
                try await need("tidy -q -e \(file)")
                let parser = "import html5lib, sys; html5lib.HTMLParser(strict=True).parse(sys.stdin.buffer)"
                try await need("/usr/bin/python3 -c \(quoted(parser)) < \(file)")
                #expect(try await shell("\(program) report --html /dev/null").status == 2)
                let printed = try await shell("\(program) report --html - --days 1")
                #expect(printed.status == 0 && printed.output.hasPrefix("<!DOCTYPE html>"), "\(printed.errors)")
            }
        }
    }
}
