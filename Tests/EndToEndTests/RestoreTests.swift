import Testing

extension RealParts {
    @Suite("stillpoint restore")
    struct RestoreTests {
        private let mine = Stage.Guest(name: "mine", disks: 2)
        private let theirs = Stage.Guest(name: "theirs")

        private func restore(_ stage: Stage, _ snapshot: String, _ options: String) async throws -> Outcome {
            try await shell("\(stage.stillpoint) restore \(stage.dataset)@\(snapshot) --vm mine \(options)")
        }

        @Test("in place on a shared dataset copies the VM's own files and leaves the others alone")
        func shared() async throws {
            try await Stage.withMemory("shared", [mine, theirs]) { stage in
                try await stage.cycle("a")
                let frozen = try await stage.durable(mine, "vda")
                try await Task.sleep(for: .seconds(3))
                let other = (
                    start: try await stage.consoleLength(theirs), counter: try await stage.counter(theirs)
                )
                let start = try await stage.consoleLength(mine)
                let done = try await restore(stage, "a", "--in-place")
                #expect(
                    done.status == 0 && done.errors.contains("also on its datasets: the VM theirs"), "\(done.errors)")
                // Here mounts are private, and the new QEMU would keep the clone.
                #expect(!done.errors.contains("destroyed"), "\(done.errors)")
                #expect(
                    try await need("zfs get -r -H -o value origin \(stage.lab.pool) | grep -v '^-$' || true").isEmpty)
                try await need("\(stage.lab.program) wait mine theirs")
                let told = try await stage.told(mine, since: start)
                #expect(!told.contains("BOOT"))
                #expect(
                    told.contains {
                        $0.hasPrefix("DURABLE vda") && (Int($0.split(separator: " ")[2]) ?? 0) <= frozen + 30
                    })
                let undisturbed = try await stage.told(theirs, since: other.start).filter { $0.hasPrefix("RAM") }
                    .compactMap { Int($0.dropFirst(4)) }
                #expect(undisturbed == Array((other.counter + 1)..<(other.counter + 1 + undisturbed.count)))
                #expect(try await need("ls /\(stage.dataset)") == "mine-vda.raw\nmine-vdb.raw\ntheirs-vda.raw")
                try await stage.expectNothingLeftButDumps()
                let durable = try await stage.durable(mine, "vdb")
                try await stage.expectCleanShutdown("mine", image: stage.image(mine, "vdb"), atLeast: durable)
            }
        }

        @Test(
            "--without-memory restores the disks and stops the VM; a guest that was quiesced needs no journal recovery")
        func disksOnly() async throws {
            try await Stage.withMemory("disks", [mine]) { stage in
                try await stage.set(Stage.memoryConfiguration().replacingMemory)
                try await stage.cycle("a")
                try await Task.sleep(for: .seconds(1))
                let clone = try await restore(stage, "a", "--as beside")
                #expect(clone.status == 0 && clone.errors.contains(", off"), "\(clone.errors)")
                #expect(try await need("virsh domstate beside").hasPrefix("shut off"))
                let folder = "/\(stage.lab.pool)/beside"
                for target in mine.targets {
                    #expect(
                        try await shell("\(stage.lab.program) clean-fs \(stage.image(mine, target, in: folder))").status
                            == 0)
                }
                try await need("virsh undefine beside")
                try await destroy("\(stage.lab.pool)/beside")
                let done = try await restore(stage, "a", "--in-place")
                #expect(done.status == 0, "\(done.errors)")
                #expect(try await need("virsh domstate mine").hasPrefix("shut off"))
                for target in mine.targets {
                    #expect(try await shell("\(stage.lab.program) clean-fs \(stage.image(mine, target))").status == 0)
                }
                try await need("virsh start mine; \(stage.lab.program) wait mine")
            }
        }

        @Test(
            "A damaged dump, a lying side-car, a missing disk, a taken name, an open run: refused, and the VM runs on")
        func refused() async throws {
            try await Stage.withMemory("refused", [mine]) { stage in
                try await stage.cycle("a")
                let dump = try #require(try await stage.archivedDumps().first)
                let start = try await stage.consoleLength(mine)
                func expectRefusal(
                    _ options: String, _ words: String, sourceLocation: SourceLocation = #_sourceLocation
                )
                    async throws
                {
                    let said = try await restore(stage, "a", options)
                    #expect(said.status == 2, "\(said.errors)", sourceLocation: sourceLocation)
                    #expect(said.errors.contains(words), "\(said.errors)", sourceLocation: sourceLocation)
                }
                try await expectRefusal("--as mine", "exists already")
                try await need("zfs create \(stage.lab.pool)/taken")
                try await expectRefusal("--as taken", "the dataset \(stage.lab.pool)/taken exists already")
                try await destroy("\(stage.lab.pool)/taken")

                try await need("cp \(dump) \(dump).good")
                try await need("truncate -s -1000 \(dump)")
                try await expectRefusal("--in-place", "bytes")
                try await need(
                    "cp \(dump).good \(dump); printf x | dd of=\(dump) bs=1 seek=1000000 conv=notrunc status=none")
                try await expectRefusal("--in-place", "--without-memory")
                try await need("cp \(dump).good \(dump)")
                let sideCar = "\(dump.dropLast(4)).json"
                let catalogue = try await need("ls /var/lib/stillpoint/restore-points/*.json")
                try await need("sed -i 's/\"sha256\": \"./\"sha256\": \"g/' \(sideCar) \(catalogue)")
                try await expectRefusal("--as liar", "--without-memory")
                try await need("mv \(stage.cold) \(stage.cold).away; mkdir \(stage.cold)")
                try await expectRefusal("--in-place", "mount it")
                try await need("rmdir \(stage.cold); mv \(stage.cold).away \(stage.cold)")

                try await need("\(stage.lab.preSnapshot) \(stage.dataset)@open")
                try await expectRefusal("--in-place", "is open")
                try await need(
                    "zfs snapshot \(stage.dataset)@open 2>/dev/null || true; \(stage.lab.postSnapshot) \(stage.dataset)@open"
                )

                // A snapshot without one of the disks that its definition names.
                let kept = try await need("ls /\(stage.dataset)/.stillpoint/*/machine.json")
                try await need("sed -i 's#mine-vdb.raw#gone.raw#g' \(kept); zfs snapshot \(stage.dataset)@odd")
                let odd = try await shell("\(stage.stillpoint) restore \(stage.dataset)@odd --vm mine --as odd")
                #expect(odd.status == 2 && odd.errors.contains("is not trusted: "), "\(odd.errors)")
                let gone = try await shell(
                    "\(stage.stillpoint) restore \(stage.dataset)@odd --vm mine --as odd --untrusted")
                #expect(gone.status == 2 && gone.errors.contains("is not in the snapshot"), "\(gone.errors)")
                let nobody = try await shell("\(stage.stillpoint) restore \(stage.dataset)@a --vm nobody --as x")
                #expect(nobody.status == 2 && nobody.errors.contains("it holds mine"), "\(nobody.errors)")
                let nothing = try await shell("\(stage.stillpoint) restore \(stage.dataset)@nix --vm mine --as x")
                #expect(nothing.status == 2 && nothing.errors.contains("does not exist"), "\(nothing.errors)")

                #expect(try await stage.told(mine, since: start).contains { $0.hasPrefix("RAM") })
                #expect(try await !stage.told(mine, since: start).contains("BOOT"))
                let domains = try await need("virsh list --all --name")
                #expect(domains == "mine", "\(domains)")
                let origins = try await need("zfs get -r -H -o value origin \(stage.lab.pool) | grep -v '^-$' || true")
                #expect(origins.isEmpty, "a clone is left of \(origins)")
                // The run that was open has a dump of its own.
                #expect(try await stage.archivedDumps().count == 2)
                #expect(try await need("ls -A \(stage.lab.overlays)").isEmpty)
            }
        }
    }
}

extension String {
    fileprivate var replacingMemory: String {
        split(separator: "strategy = memory, quiesce", omittingEmptySubsequences: false)
            .joined(separator: "strategy = quiesce")
    }
}
