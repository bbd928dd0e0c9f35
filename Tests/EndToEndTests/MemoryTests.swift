import Testing

extension RealParts {
    @Suite("With RAM")
    struct MemoryTests {
        private let counting = Stage.Guest(name: "count", options: "--nic")

        /// sanoid with the three scripts; `policy` says what is kept.
        private func configure(_ stages: [String], _ lab: Lab, policy: String) async throws {
            let sections = stages.map { "[\($0)]\nuse_template = hooked\n" }.joined()
            try await need(
                """
                mkdir -p /etc/sanoid && cat > /etc/sanoid/sanoid.conf <<'C'
                \(sections)
                [template_hooked]
                \(policy)
                monthly = 0
                autosnap = yes
                autoprune = yes
                pre_snapshot_script = \(lab.preSnapshot)
                post_snapshot_script = \(lab.postSnapshot)
                pruning_script = \(lab.binaries)/prune-snapshot
                script_timeout = 60
                C
                """)
        }

        @Test(
            "two sanoid cycles, then back in place to the first: RAM and disk resume from there, and beside it as a clone"
        )
        func sanoidAndRewind() async throws {
            try await Stage.withMemory("rewind", [counting]) { stage in
                try await configure([stage.dataset], stage.lab, policy: "daily = 7\nhourly = 24")
                let before = (
                    ram: try await stage.counter(counting), disk: try await stage.durable(counting, "vda")
                )
                let said = try await shell("sanoid --take-snapshots --force-update")
                #expect(said.errors.contains("count: disks and RAM of one instant"), "\(said.errors)")
                let frozen = (
                    ram: try await stage.counter(counting), disk: try await stage.durable(counting, "vda")
                )
                // sanoid would take the next ones in an hour; and a renamed snapshot is known by its GUID.
                for (index, snapshot) in try await stage.snapshots().enumerated() {
                    try await need("zfs rename \(snapshot) \(stage.dataset)@first\(index)")
                }
                try await need("rm -f /var/cache/sanoid/*")
                try await Task.sleep(for: .seconds(3))
                let again = try await shell("sanoid --take-snapshots --force-update")
                #expect(again.errors.contains("count: disks and RAM of one instant"), "\(again.errors)")
                try await stage.expectNothingLeftButDumps()
                #expect(try await stage.archivedDumps().count == 2)
                try await Task.sleep(for: .seconds(3))

                try await expectClone(stage, before, frozen)
                try await expectRewind(stage, before, frozen)
            }
        }

        private func expectClone(
            _ stage: Stage, _ before: (ram: Int, disk: Int), _ frozen: (ram: Int, disk: Int)
        ) async throws {
            let start = try await stage.consoleLength(counting)
            let original = try await stage.counter(counting)
            let clone = try await shell("\(stage.stillpoint) restore \(stage.dataset)@first0 --vm count --as count2")
            #expect(clone.status == 0, "\(clone.errors)")
            try await Task.sleep(for: .seconds(2.5))
            let log = "\(stage.lab.folder)/count.log.count2"
            let first = Int(try await need("grep -am 1 '^RAM' \(log) | tr -dc 0-9")) ?? 0
            #expect((before.ram...frozen.ram + 2).contains(first))
            #expect(try await shell("grep -a BOOT \(log)").lines.isEmpty)
            try await need("virsh qemu-agent-command count2 '{\"execute\":\"guest-ping\"}'")
            // Two guests of one address must not meet.
            #expect(try await need("virsh dumpxml count2").contains("<link state='down'/>"))
            // The original kept running undisturbed.
            let told = try await stage.told(counting, since: start)
            let numbers = told.filter { $0.hasPrefix("RAM") }.compactMap { Int($0.dropFirst(4)) }
            #expect(numbers.first == original + 1 && numbers == Array((original + 1)..<(original + 1 + numbers.count)))
            #expect(!told.contains("BOOT"))
            let image = "/\(stage.lab.pool)/count2/count-vda.raw"
            let durable = Int(try await need("grep -a '^DURABLE vda' \(log) | tail -n 2 | head -n 1 | tr -dc 0-9")) ?? 0
            #expect(durable > before.disk)
            try await stage.expectCleanShutdown("count2", image: image, atLeast: durable)
            try await need("virsh undefine count2")
            try await destroy("\(stage.lab.pool)/count2")
        }

        private func expectRewind(
            _ stage: Stage, _ before: (ram: Int, disk: Int), _ frozen: (ram: Int, disk: Int)
        ) async throws {
            let restore = "\(stage.stillpoint) restore \(stage.dataset)@first0 --vm count --in-place"
            let refused = try await shell(restore)
            #expect(refused.status == 2 && refused.errors.contains("--destroy-newer"), "\(refused.errors)")
            let late = (ram: try await stage.counter(counting), disk: try await stage.durable(counting, "vda"))
            #expect(late.ram > frozen.ram + 3)
            let start = try await stage.consoleLength(counting)
            let done = try await shell("\(restore) --destroy-newer")
            #expect(done.status == 0, "\(done.errors)")
            try await Task.sleep(for: .seconds(2.5))
            try await need("\(stage.lab.program) wait count")
            let told = try await stage.told(counting, since: start)
            let rewound = Array(told.drop { !$0.hasPrefix("RAM") || (Int($0.dropFirst(4)) ?? 0) > frozen.ram + 2 })
            let ram = try #require(firstNumber(after: "RAM", in: rewound))
            #expect((before.ram...frozen.ram + 2).contains(ram))
            let disk = try #require(firstNumber(after: "DURABLE", in: rewound))
            #expect(disk >= before.disk && disk < late.disk)
            #expect(!told.contains("BOOT"))
            try await stage.expectNothingLeftButDumps()
            let durable = try await stage.durable(counting, "vda")
            try await stage.expectCleanShutdown("count", image: stage.image(counting, "vda"), atLeast: durable)
        }

        @Test("A disk elsewhere, or too little room in ram_dir: the next strategy, and the reason in the report")
        func fallingBack() async throws {
            try await Stage.withMemory("fall", [counting]) { stage in
                let outside = "\(stage.lab.folder)/outside.raw"
                try await need(
                    """
                    truncate -s 16M \(outside)
                    virsh attach-disk count \(outside) vdb --driver qemu --subdriver raw
                    """)
                let said = try await stage.cycle("a")
                #expect(said.contains("count: quiesced") && said.contains("memory: vdb is not on"), "\(said)")
                try await need("virsh detach-disk count vdb; mkdir -p \(stage.lab.folder)/small-ram")
                try await need("mount -t tmpfs -o mode=0755,size=64M tmpfs \(stage.lab.folder)/small-ram")
                try await need(
                    "sed -i 's#^ram_dir.*#ram_dir = \(stage.lab.folder)/small-ram#' \(stage.lab.configuration)")
                let small = try await stage.cycle("b")
                #expect(small.contains("count: quiesced") && small.contains("has room for"), "\(small)")
                try await need("umount \(stage.lab.folder)/small-ram")
                try await stage.expectNothingLeftButDumps()
                #expect(try await stage.archivedDumps().isEmpty)
            }
        }

        @Test("sanoid prunes: a dump that daily and hourly share is deleted with the last of them, others stay")
        func pruning() async throws {
            let second = Stage.Guest(name: "other")
            try await Stage.withMemory("prune", [counting]) { stage in
                let lab = stage.lab
                try await need(
                    "\(lab.program) dataset prune/leaf; \(lab.program) guest \(second.name) --dataset prune/leaf; \(lab.program) wait \(second.name)"
                )
                let both = [stage.dataset, "\(stage.dataset)/leaf"]
                try await configure(both, lab, policy: "daily = 7\nhourly = 24")
                try await need("sanoid --take-snapshots --force-update")
                #expect(try await stage.snapshots().count == 4)
                #expect(try await stage.archivedDumps().count == 2)

                try await Task.sleep(for: .seconds(1.1))
                try await configure(both, lab, policy: "daily = 7\nhourly = 0")
                try await need("sanoid --prune-snapshots --force-update --force-prune")
                #expect(try await stage.snapshots().count == 2)
                #expect(try await stage.archivedDumps().count == 2)

                // Only the leaf's dailies go.
                try await need(
                    "sed -i 's/^daily = 7/daily = 0/; /^\\[\(quotedForSed(stage.dataset))\\]/a daily = 7' /etc/sanoid/sanoid.conf"
                )
                let said = try await shell("sanoid --prune-snapshots --force-update --force-prune")
                #expect(said.errors.contains("its snapshots are gone"), "\(said.output)\(said.errors)")
                let left = try await stage.archivedDumps()
                #expect(left.count == 1 && left[0].contains("/prune/count/"), "\(left)")

                // Destroyed without a call of the hook.
                try await need("zfs destroy $(zfs list -H -o name -t snapshot -r \(stage.dataset))")
                try await need("\(stage.stillpoint) prune --orphans --dry-run")
                #expect(try await stage.archivedDumps().count == 1)
                try await need("\(stage.stillpoint) prune --orphans")
                #expect(try await need("find \(stage.cold) -type f").isEmpty)
                #expect(try await need("ls /var/lib/stillpoint/restore-points | grep -v lock || true").isEmpty)
                try await need("virsh destroy \(second.name); virsh undefine \(second.name)")
            }
        }
    }
}

private func quotedForSed(_ text: String) -> String {
    text.split(separator: "/", omittingEmptySubsequences: false).joined(separator: "\\/")
}

extension Stage {
    /// As `expectNothingLeft`, but for what the state and overlay directories keep of RAM.
    func expectNothingLeftButDumps(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await need("\(stillpoint) archive")
        try await expectNothingLeft(sourceLocation: sourceLocation)
    }
}
