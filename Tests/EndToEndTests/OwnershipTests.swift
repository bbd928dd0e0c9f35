import Testing

extension RealParts {
    @Suite(
        "Images belong to whom they belonged",
        .enabled(if: Lab.here?.qemuUser != "root", "as root nothing changes hands"))
    struct OwnershipTests {
        private let guests = ["kept", "off"].map { Stage.Guest(name: $0) }

        /// Each image's owner, group and mode.
        private func owners(_ stage: Stage) async throws -> [String] {
            let images = guests.map { stage.image($0, "vda") }.joined(separator: " ")
            return try await shell("stat -c '%n %U %G %a' \(images)").lines
        }

        private func expectOwner(_ owner: String, _ stage: Stage, sourceLocation: SourceLocation = #_sourceLocation)
            async throws
        {
            let expected = guests.map { "\(stage.image($0, "vda")) \(owner) \(owner) 644" }
            #expect(try await owners(stage) == expected, sourceLocation: sourceLocation)
        }

        /// After a cycle, and after one whose post never came, in which one VM was shut off in the window: an image is
        /// QEMU's while its VM runs, and its first owner's when it does not.
        @Test("after a cycle and after recover, of VMs that run on and of one that was shut off in the window")
        func cycles() async throws {
            try await Stage.with("owners", guests) { stage in
                let lab = stage.lab
                try await expectOwner(lab.qemuUser, stage)
                let off = "virsh -q destroy off"
                for (name, release) in [
                    ("a", "\(lab.postSnapshot) \(stage.dataset)@a"),
                    ("b", "\(stage.stillpoint) recover --run $(basename \(lab.runs)/*.json .json)"),
                ] {
                    let s = "\(stage.dataset)@\(name)"
                    let pre = try await shell("\(lab.preSnapshot) \(s)")
                    #expect(pre.status == 0, "\(pre.errors)")
                    try await expectOwner(lab.qemuUser, stage)
                    // What a VM writes meanwhile is QEMU's alone.
                    let overlays = try await need("stat -c '%U %a' \(lab.overlays)/*.qcow2 | sort -u")
                    #expect(overlays == "\(lab.qemuUser) 600")
                    try await need("\(off); zfs snapshot \(s)")
                    let released = try await shell(release)
                    #expect(released.status == 0, "\(released.errors)")
                    try await stage.expectNothingLeft()
                    #expect(
                        try await need("stat -c '%U %a' \(stage.image(guests[1], "vda"))") == "root 644", "\(name)")
                    try await need("virsh -q start off; \(lab.program) wait off")
                    try await expectOwner(lab.qemuUser, stage)
                }
                try await need("for n in kept off; do virsh -q destroy $n; done")
                try await expectOwner("root", stage)
            }
        }
    }
}
