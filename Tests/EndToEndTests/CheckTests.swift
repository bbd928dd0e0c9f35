import Testing

extension RealParts {
    @Suite("stillpoint check", .serialized)
    struct CheckTests {
        private static let guest = Stage.Guest(name: "checked")

        private func lines(_ stage: Stage) -> String {
            """
            hourly = 2
            autosnap = yes
            autoprune = yes
            pre_snapshot_script = \(stage.lab.preSnapshot)
            post_snapshot_script = \(stage.lab.postSnapshot)
            script_timeout = 120

            """
        }

        private func sanoid(_ stage: Stage, without key: String = "nothing") async throws {
            let kept = lines(stage).split(separator: "\n").filter { !$0.hasPrefix(key) }
            let text = (["[\(stage.dataset)]"] + kept).joined(separator: "\n") + "\n"
            try await need("mkdir -p /etc/sanoid && printf %s \(quoted(text)) >/etc/sanoid/sanoid.conf")
        }

        private func check(_ stage: Stage) async throws -> Outcome { try await shell("\(stage.stillpoint) check") }

        private func expect(_ codes: [String], in said: Outcome, sourceLocation: SourceLocation = #_sourceLocation) {
            let found = said.lines.filter { $0.hasPrefix("problem: ") || $0.hasPrefix("warning: ") }
            let isProblem = found.contains { $0.hasPrefix("problem: ") }
            #expect(said.status == (isProblem ? 1 : 0), "\(said.errors)", sourceLocation: sourceLocation)
            #expect(found.count == codes.count, "\(said.output)\(said.errors)", sourceLocation: sourceLocation)
            for code in codes {
                #expect(found.contains { $0.hasSuffix("[\(code)]") }, "\(said.output)", sourceLocation: sourceLocation)
            }
        }

        @Test(
            "says nothing of a sound host; hook lines, their times, and a dataset without room for its snapshot it names"
        )
        func sanoidAndSpace() async throws {
            let lab = try #require(Lab.here)
            let state = "state_dir = \(lab.folder)/check-state"
            try await Stage.with("check", [Self.guest], configuration: state) { stage in
                try await sanoid(stage)
                expect([], in: try await check(stage))
                // A whole cycle by sanoid: its history tells how much was written meanwhile.
                let taken = try await shell("sanoid --take-snapshots --force-update")
                #expect(taken.errors.contains("checked: quiesced"), "\(taken.errors)")
                let history = "\(lab.folder)/check-state/history"
                let written = try await need("awk -F'\\t' 'NF { print $14 }' \(history)/*.tsv")
                #expect((Int(written) ?? 0) > 0, "\(written)")
                expect([], in: try await check(stage))
                // As if it had been much more.
                try await need(
                    "awk -F'\\t' -v OFS='\\t' 'NF { $14 = \"1000000000000000\" } 1' \(history)/*.tsv >/tmp/h.tsv && "
                        + "cp /tmp/h.tsv \(history)/$(date -u +%F).tsv")
                expect(["SP403", "SP413"], in: try await check(stage))
                try await need("rm \(history)/*.tsv")

                try await sanoid(stage, without: "p")
                expect(["SP502"], in: try await check(stage))
                try await sanoid(stage, without: "post")
                expect(["SP503"], in: try await check(stage))
                try await sanoid(stage, without: "script_timeout")
                expect(["SP506"], in: try await check(stage))
                try await need("sed -i 's|^pre_.*|pre_snapshot_script = /usr/lib/nothing|' /etc/sanoid/sanoid.conf")
                expect(["SP504", "SP506"], in: try await check(stage))
                try await sanoid(stage)

                // All that it has written must be there a second time.
                try await need(
                    """
                    zfs list -H -o name -t snapshot -r \(stage.dataset) | xargs -r -n1 zfs destroy
                    dd if=/dev/urandom of=/\(stage.dataset)/filler bs=1M count=100 conv=fsync status=none; sync
                    used=$(zfs get -H -p -o value used \(stage.dataset))
                    zfs set quota=$((used + 52428800)) \(stage.dataset)
                    zfs set refreservation=$((used + 20971520)) \(stage.dataset)
                    """)
                expect(["SP404"], in: try await check(stage))
                #expect(try await shell("zfs snapshot \(stage.dataset)@full").status != 0)
                try await need("zfs set refreservation=none \(stage.dataset)")
                expect([], in: try await check(stage))
                #expect(try await shell("zfs snapshot \(stage.dataset)@full").status == 0)

                // For programs as for people.
                try await stage.set("frezee_timeout = 5")
                for options in ["", " --json"] {
                    let refused = try await shell("\(stage.stillpoint) check\(options)")
                    #expect(refused.status == 2 && refused.output.contains("SP111"), "\(refused.output)")
                    #expect(refused.output.contains("\(lab.configuration):3: "), "\(refused.output)")
                }
            }
        }
    }
}
