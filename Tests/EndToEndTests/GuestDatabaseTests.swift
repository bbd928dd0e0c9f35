import Testing

extension RealParts {
    /// Guests in which a server of Debian's runs under load, with the freeze hooks of examples/guest.
    @Suite("Databases in guests")
    struct GuestDatabaseTests {
        private static let mariadb = Stage.Guest(name: "db-mariadb", options: "--database mariadb")
        private static let redis = Stage.Guest(name: "db-redis", options: "--database redis")

        @Test("hold still from freeze to thaw: a server starts on the snapshot with each write that was acknowledged")
        func databases() async throws {
            try await Stage.with("databases", [Self.mariadb, Self.redis]) { stage in
                for guest in stage.guests { try await expectMore(20, by: guest, stage) }

                let clean = try await cycle("clean", stage, quiesced: ["db-mariadb", "db-redis"])
                try await expectLocked(1, stage, in: clean)
                let log = try await expectMariaDB(stage, in: clean, freeze: 1)
                // Nothing to recover, where the hook waits for the pages (CLEAN_LIMIT), as it does in the lab.
                #expect(!log.contains("Starting crash recovery") && !log.contains("recovered pages"), "\(log)")

                try await inGuest(Self.mariadb, "echo CLEAN_LIMIT=0 >>/etc/qemu/fsfreeze-mariadb.conf", stage)
                let usual = try await cycle("usual", stage, quiesced: ["db-mariadb", "db-redis"])
                try await expectLocked(2, stage, in: usual)
                try await expectMariaDB(stage, in: usual, freeze: 2)

                try await inGuest(Self.mariadb, "touch /run/lose", stage)
                try await inGuest(Self.redis, "touch /run/fail", stage)
                try await cycle("failed", stage, quiesced: [])
                for guest in stage.guests { try await expectMore(5, by: guest, stage) }
                try await stage.expectNothingLeft()
            }
        }

        /// A snapshot with the hooks around it, in which these VMs are quiesced and the others say why not.
        @discardableResult
        private func cycle(_ name: String, _ stage: Stage, quiesced: Set<String>) async throws -> String {
            let snapshot = "\(stage.dataset)@\(name)"
            let pre = try await shell("\(stage.lab.preSnapshot) \(snapshot)")
            try #require(pre.status == 0, "\(pre.errors)")
            let post = try await shell("zfs snapshot \(snapshot); \(stage.lab.postSnapshot) \(snapshot)")
            try #require(post.status == 0, "\(post.errors)")
            let failed = [Self.redis.name: "crash:freeze-failed", Self.mariadb.name: "crash:thawed-early"]
            let got = stage.guests.map { guest in
                "\(guest.name)=\(quiesced.contains(guest.name) ? "quiesced" : failed[guest.name, default: ""])"
            }
            #expect(
                try await Set(stage.property("vms", of: snapshot).split(separator: ",").map(String.init)) == Set(got),
                "\(pre.errors)\(post.errors)")
            if quiesced.isEmpty {
                for reason in [
                    "db-redis: crash-consistent only (quiesce: the guest did not freeze", "db-mariadb: crash",
                ] {
                    #expect(pre.errors.contains(reason), "\(pre.errors)")
                }
                #expect(pre.errors.contains("the guest had thawed before it was told to"), "\(pre.errors)")
                #expect(pre.errors.contains("fsfreeze hook has failed with status 1"), "\(pre.errors)")
            }
            return snapshot
        }

        /// While the locks were in force nothing was acknowledged, but what was on its way to the console; and Redis has it all.
        private func expectLocked(_ freeze: Int, _ stage: Stage, in snapshot: String) async throws {
            for guest in stage.guests {
                let (before, during) = try await acknowledged(guest, freeze, stage)
                #expect(before >= 20 && during <= 1, "\(guest.name): \(before) before, \(during) during the lock")
            }
            let check = try await onClone(of: snapshot, "database redis", Self.redis, stage)
            #expect(check.contains("All AOF files and manifest are valid"), "\(check)")
            let numbers = check.split(separator: "\n").first { $0.hasPrefix("numbers ") }?.dropFirst(8)
            let before = try await acknowledged(Self.redis, freeze, stage).before
            #expect(numbers.flatMap { Int($0) }.map { $0 >= before } == true, "\(before) acknowledged: \(check)")
        }

        /// All rows, in order, no table in need of repair, no error.
        /// - Returns: what the server says.
        @discardableResult
        private func expectMariaDB(_ stage: Stage, in snapshot: String, freeze: Int) async throws -> String {
            let check = try await onClone(of: snapshot, "database mariadb", Self.mariadb, stage)
            let before = try await acknowledged(Self.mariadb, freeze, stage).before
            let lines = check.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
            for table in ["innodb_rows", "aria_rows", "myisam_rows"] {
                let counts = lines.first { $0.count == 3 && $0[0] == table }?.dropFirst().compactMap { Int($0) } ?? []
                #expect(counts.count == 2 && counts[0] == counts[1], "\(table): \(check)")
                #expect(counts.first.map { $0 >= before } == true, "\(before) acknowledged, \(table): \(check)")
            }
            let states = lines.filter { $0.count > 3 && $0[1] == "check" }
            #expect(states.count == 3 && states.allSatisfy { $0[2...] == ["status", "OK"] }, "\(check)")
            #expect(!check.contains("[ERROR]"), "\(check)")
            return check
        }

        private func onClone(
            of snapshot: String, _ command: String, _ guest: Stage.Guest, _ stage: Stage
        ) async throws -> String {
            let clone = "\(stage.lab.pool)/look\(Int.random(in: 1000...9999))"
            try await need("zfs clone \(snapshot) \(clone)")
            let result = try await need("\(stage.lab.program) \(command) \(stage.image(guest, "vda", in: "/" + clone))")
            try await destroy(clone)
            return result
        }

        private func acknowledged(
            _ guest: Stage.Guest, _ freeze: Int, _ stage: Stage
        ) async throws -> (before: Int, during: Int) {
            let text = try await need("\(stage.lab.program) acknowledged \(guest.name) \(freeze)")
            let numbers = text.split(separator: " ").compactMap { Int($0) }
            try #require(numbers.count == 2, "\(text)")
            return (numbers[0], numbers[1])
        }

        /// Waits until the guest's database has acknowledged so many more.
        private func expectMore(_ count: Int, by guest: Stage.Guest, _ stage: Stage) async throws {
            try await need(
                """
                start=$(\(stage.lab.program) acknowledged \(guest.name))
                for i in $(seq 90); do
                    (($(\(stage.lab.program) acknowledged \(guest.name)) >= start + \(count))) && exit
                    sleep 0.5
                done
                tail -n 20 \(stage.lab.folder)/\(guest.name).log
                exit 1
                """)
        }

        private func inGuest(_ guest: Stage.Guest, _ command: String, _ stage: Stage) async throws {
            try await need(
                """
                virsh qemu-agent-command \(guest.name) \
                    '{"execute":"guest-exec","arguments":{"path":"/bin/sh","arg":["-c","\(command)"]}}'
                """)
            try await Task.sleep(for: .seconds(1))
        }
    }
}
