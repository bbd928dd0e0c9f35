import Testing

extension RealParts {
    @Suite("README.md")
    struct ReadmeTests {
        private static let page =
            "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/README.md"

        /// The shell's code block in which a word stands.
        private func block(_ word: String) async throws -> Substring {
            let text = try await need("cat \(Self.page)")
            let block = text.matches(of: /(?s)```sh\n(.*?)```/).map(\.1).first { $0.contains(word) }
            return try #require(block, "no block with \(word)")
        }

        @Test("its commands by hand freeze and release a guest, and its commands list and restore what they made")
        func commands() async throws {
            try await Stage.with("readme", [Stage.Guest(name: "readme")]) { stage in
                let byHand = try await block("./pre-snapshot")
                    .replacing("/usr/lib/stillpoint", with: stage.lab.binaries).replacing(
                        "tank/VM", with: stage.dataset)
                let tried = try await shell(String(byHand))
                #expect(tried.status == 0, "\(tried.errors)")
                #expect(tried.errors.contains("would freeze readme (vda): quiesce"), "\(tried.errors)")
                #expect(tried.errors.contains("readme: quiesced, "), "\(tried.errors)")
                try await stage.expectNothingLeft()

                let commands = try await block("stillpoint restore").split(separator: "\n").map { line in
                    line.prefix { $0 != "#" }
                        .replacing("[DATASET]", with: stage.dataset).replacing(
                            "DATASET@SNAP", with: "\(stage.dataset)@try"
                        )
                        .replacing("[-r]", with: "-r").replacing("NEWNAME", with: "readme-then")
                        .replacing("NAME", with: "readme")
                }
                #expect(commands.count > 3 && commands.allSatisfy { $0.hasPrefix("stillpoint ") })
                for command in commands {
                    let done = try await shell("\(stage.lab.binaries)/\(command)")
                    #expect(done.status == 0, "\(command)\n\(done.errors)")
                    if command.contains(" list ") || command.contains(" show ") {
                        #expect(done.output.contains("readme") && done.output.contains("quiesced"), "\(done.output)")
                    }
                }
                #expect(try await need("virsh list --all --name").contains("readme-then"))
                try await need("virsh undefine --nvram readme-then")
            }
        }
    }
}
