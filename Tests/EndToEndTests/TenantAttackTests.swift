import Testing

extension RealParts {
    /// A tenant who owns a dataset's mount point, and a QEMU that was taken over, against root's programs.
    @Suite("Attacks by a tenant and by QEMU's user")
    struct TenantAttackTests {
        private let pawn = Stage.Guest(name: "pawn")
        private let prey = Stage.Guest(name: "prey")

        /// A tree of root's that nobody else may enter, at the end just as it was.
        private struct Canary {
            let folder: String

            init(_ lab: Lab) async throws {
                folder = lab.folder + "/canary"
                try await need(
                    """
                    rm -rf \(folder); mkdir -m 700 \(folder) \(folder)/files; cd \(folder); umask 077
                    echo TOPSECRET-of-root > secret; echo 'TOPSECRET shadow' > pawn-vda.raw
                    for name in machine.json definition.xml seal nvram files/nvram; do echo "root's $name" > $name; done
                    """)
            }

            /// Names, kinds, modes, owners, links and contents, also of places where an attack would like to leave something.
            func state() async throws -> String {
                try await need(
                    """
                    cd \(folder); find . /etc/shadow /etc/profile.d -printf '%p %y %m %U %G %l\\n' | sort
                    find . /etc/shadow /etc/profile.d -type f -exec sha256sum {} + | sort
                    find \(folder)/.. /etc /var/lib/libvirt -xdev -perm /6000 -type f
                    """)
            }
        }

        private func with(
            _ name: String, _ body: (_ stage: Stage, _ uid: String, _ canary: Canary) async throws -> Void
        ) async throws {
            try await Stage.with(name, [pawn, prey]) { stage in
                let uid = try await need("\(stage.lab.program) tenant \(name)")
                let canary = try await Canary(stage.lab)
                let before = try await canary.state()
                do { try await body(stage, uid, canary) } catch {
                    await takeDown(stage)
                    throw error
                }
                await takeDown(stage)
                #expect(try await canary.state() == before)
                #expect(try await shell("test -e /evil").status != 0)
            }
        }

        private func takeDown(_ stage: Stage) async {
            _ = try? await shell(
                """
                virsh destroy pwn; virsh undefine --nvram pwn
                zfs list \(stage.lab.pool)/pwn || exit 0
                for i in $(seq 10); do zfs destroy -R \(stage.lab.pool)/pwn && break; sleep 0.3; done
                """)
        }

        /// Who runs, by process, and what is defined and cloned.
        private func world(_ stage: Stage) async throws -> String {
            try await need(
                """
                cd /run/libvirt/qemu; for n in pawn prey; do echo $n $(cat $n.pid) $(virsh domstate $n); done
                virsh list --all --name | sort; zfs list -H -o name -r \(stage.lab.pool)
                """)
        }

        @Test("A .stillpoint of the tenant's own is refused before anything is touched: a clone of it, and in place")
        func forged() async throws {
            try await with("forged") { stage, uid, canary in
                try await expectRefusals(["variables", "foreign"], ["--as pwn", "--in-place"], stage, uid, canary)
            }
        }

        @Test("One that root of an NFS client has written is refused for what is in it: root's name alone is no seal")
        func forgedByRoot() async throws {
            let kinds = ["variables", "link", "script", "emulator", "disk", "relative", "absolute", "foreign", "deep"]
            try await with("unsealed") { stage, uid, canary in
                try await expectRefusals(
                    kinds, ["--as pwn"], stage, uid, canary, owner: "chown -R 0:0 /\(stage.dataset)/.stillpoint")
                try await expectRefusals(
                    ["foreign"], ["--in-place"], stage, uid, canary,
                    owner: "chown -R 0:0 /\(stage.dataset)/.stillpoint")
            }
        }

        @Test("With --untrusted what is harmless of a forgery comes to life, and nothing else of it")
        func untrusted() async throws {
            try await with("untrusted") { stage, uid, canary in
                try await keepRootsFolder(stage, uid)
                let before = try await canary.state()
                var restored: [String] = []
                for kind in ["variables", "link", "script", "emulator", "disk", "absolute"] {
                    let snapshot = try await forge(
                        kind, stage, uid, canary, owner: "chown -R 0:0 /\(stage.dataset)/.stillpoint")
                    let said = try await shell(
                        "timeout 60 \(stage.stillpoint) restore \(snapshot) --vm pawn --as pwn --untrusted --start"
                    )
                    #expect(said.status < 124, "\(kind): \(said.errors)")
                    #expect(try await canary.state() == before, "\(kind): \(said.errors)")
                    if said.status == 0 {
                        restored.append(kind)
                        let xml = try await need("virsh dumpxml pwn")
                        for forged in ["evil.sh", canary.folder, "ethernet"] {
                            #expect(!xml.contains(forged), "\(kind)")
                        }
                        #expect(try await need("virsh domstate pwn") == "running", "\(kind)")
                    }
                    #expect(try await need("for n in pawn prey; do virsh domstate $n; done") == "running\n\nrunning")
                    await takeDown(stage)
                }
                // The lab's host has no UEFI firmware, and the others keep what is no kept file.
                #expect(restored == ["script", "emulator", "disk"])
            }
        }

        private func expectRefusals(
            _ kinds: [String], _ options: [String], _ stage: Stage, _ uid: String, _ canary: Canary,
            owner: String = "true"
        ) async throws {
            try await keepRootsFolder(stage, uid)
            for kind in kinds {
                let snapshot = try await forge(kind, stage, uid, canary, owner: owner)
                let before = (world: try await world(stage), canary: try await canary.state())
                for option in options {
                    let said = try await shell("timeout 60 \(stage.stillpoint) restore \(snapshot) --vm pawn \(option)")
                    #expect(said.status != 0 && said.status < 124, "\(kind) \(option): \(said.status) \(said.errors)")
                    #expect(try await canary.state() == before.canary, "\(kind) \(option): \(said.errors)")
                    #expect(try await world(stage) == before.world, "\(kind) \(option): \(said.errors)")
                    await takeDown(stage)
                }
            }
        }

        private func kept(_ stage: Stage) -> String { stage.lab.folder + "/kept" }

        /// Gives the tenant more than he could see: root's own folder, seal and all.
        private func keepRootsFolder(_ stage: Stage, _ uid: String) async throws {
            let mount = "/\(stage.dataset)"
            guard try await shell("test -d \(mount)/roots").status != 0 else { return }
            let id = try await need("virsh domuuid pawn | head -n 1")
            try await stage.cycle("true")
            try await need(
                """
                set -e; rm -rf \(kept(stage)); cp -r \(mount)/.stillpoint/\(id) \(kept(stage)); chmod -R a+rX \(kept(stage))
                \(stage.lab.program) as-tenant \(uid) mv \(mount)/.stillpoint \(mount)/roots
                """)
        }

        /// Puts a forgery in the place of root's folder, and takes a snapshot with it.
        private func forge(
            _ kind: String, _ stage: Stage, _ uid: String, _ canary: Canary, owner: String
        ) async throws -> String {
            let other = try await need("virsh domuuid prey | head -n 1")
            let mount = "/\(stage.dataset)"
            let count = try await need("zfs list -H -t snapshot -r \(stage.dataset) | wc -l")
            let snapshot = "\(stage.dataset)@\(kind)\(count)"
            try await need(
                """
                set -e; rm -rf \(mount)/.stillpoint
                \(stage.lab.program) as-tenant \(uid) /usr/bin/python3 $(dirname \(stage.lab.program))/attacks/forge.py \
                    \(kind) \(kept(stage)) \(mount)/.stillpoint \(canary.folder) \(other)
                \(owner); zfs snapshot \(snapshot)
                """)
            return snapshot
        }

        @Test("A folder that was swapped for a link after the snapshot leads restore --in-place nowhere")
        func swappedFolder() async throws {
            try await with("swapped") { stage, uid, canary in
                let mount = "/\(stage.dataset)"
                try await need(
                    """
                    set -e; virsh -q destroy pawn; \(stage.lab.program) as-tenant \(uid) mkdir \(mount)/images
                    mv \(mount)/pawn-vda.raw \(mount)/images/; chown \(uid) \(mount)/images/*
                    virsh dumpxml --inactive pawn | sed 's|\(mount)/pawn-vda|\(mount)/images/pawn-vda|' > \(stage.lab.folder)/p.xml
                    virsh -q define \(stage.lab.folder)/p.xml; virsh -q start pawn; \(stage.lab.program) wait pawn
                    """)
                try await stage.cycle("a")
                try await need(
                    """
                    set -e; cd \(mount); \(stage.lab.program) as-tenant \(uid) mv images away
                    \(stage.lab.program) as-tenant \(uid) ln -s \(canary.folder) images
                    """)
                let said = try await shell(
                    "timeout 100 \(stage.stillpoint) restore \(stage.dataset)@a --vm pawn --in-place --without-memory")
                #expect(said.status != 0, "\(said.errors)")
                #expect(try await need("virsh domstate prey") == "running")
                #expect(try await need("ls -A \(canary.folder) | wc -l") == "7")
            }
        }

        @Test("10,000 exchanges of .stillpoint for a link while it is written: root follows none")
        func exchanges() async throws {
            try await with("exchange") { stage, uid, canary in
                try await stage.cycle("first")
                let said = try await shell(
                    """
                    cd /; d=\(stage.dataset); attacks=$(dirname \(stage.lab.program))/attacks; t=\(stage.lab.folder)/rounds
                    timeout 100 \(stage.lab.program) as-tenant \(uid) /usr/bin/python3 $attacks/exchange.py /$d .stillpoint \
                        \(canary.folder) 10000 > $t 2>&1 &
                    loop=$! cycles=0
                    while kill -0 $loop 2>/dev/null; do
                        cycles=$((cycles + 1))
                        # Changed each time, so that it is written each time.
                        virsh -q desc pawn --config "cycle $cycles"
                        timeout 60 \(stage.lab.preSnapshot) $d@$cycles || exit 90
                        zfs snapshot $d@$cycles; timeout 60 \(stage.lab.postSnapshot) $d@$cycles || exit 91
                    done 2>$t.log
                    echo "$cycles $(cat $t)"
                    """)
                let numbers = said.text.split(separator: " ").compactMap { Int($0) }
                #expect(said.status == 0 && numbers.count == 2 && numbers[0] >= 2, "\(said)")
                #expect(numbers.last ?? 0 > 9000, "\(said)")
                try await stage.expectNothingLeft()
            }
        }

        @Test(
            "UEFI variables that QEMU's user put a link, a FIFO or 3 GiB in the place of cost no time and tell nothing")
        func variables() async throws {
            try await with("variables") { stage, _, canary in
                let (folder, variables) = ("/var/lib/libvirt/qemu/nvram", "/var/lib/libvirt/qemu/nvram/pawn_VARS.fd")
                try await need(
                    """
                    set -e; virsh -q destroy pawn; truncate -s 128K \(stage.lab.folder)/vars
                    cp /usr/share/seabios/bios-256k.bin \(stage.lab.folder)/bios
                    virsh dumpxml --inactive pawn | sed "s|</os>|<loader readonly='yes' type='pflash'>\(stage.lab.folder)/bios\\
                    </loader><nvram template='\(stage.lab.folder)/vars'>\(variables)</nvram></os>|" > \(stage.lab.folder)/p.xml
                    virsh -q define \(stage.lab.folder)/p.xml; virsh -q start pawn; \(stage.lab.program) wait pawn
                    """)
                let clock = ContinuousClock()
                var start = clock.now
                try await stage.cycle("good")
                let ordinary = clock.now - start
                let kept = "$(find /\(stage.dataset)/.stillpoint -path '*files/nvram')"
                #expect(try await need("stat -c %s \(kept)") == "131072")
                // A guest's way to root's files: its QEMU's own user.
                let user = try await need("id -u \(stage.lab.qemuUser)")
                for (name, swap) in [
                    ("link", "ln -s \(canary.folder)/secret \(variables)"), ("fifo", "mkfifo \(variables)"),
                    ("large", "truncate -s 3G \(variables)"), ("tree", "mkdir \(variables)"),
                ] {
                    try await need(
                        """
                        cd \(folder); [ -e real ] || mv \(variables) real
                        rm -rf \(variables); \(stage.lab.program) as-tenant \(user) \(swap)
                        """)
                    start = clock.now
                    let said = try await stage.cycle(name)
                    #expect(clock.now - start < ordinary + .seconds(2), "\(name): \(said)")
                    #expect(
                        try await shell("grep -rl TOPSECRET /\(stage.dataset)/.stillpoint /var/lib/stillpoint").output
                            .isEmpty, "\(name)")
                    let size = try await need("du -sb /\(stage.dataset)/.stillpoint | cut -f 1")
                    #expect(Int(size) ?? .max < 80 << 20, "\(name)")
                }
                try await need("rm -rf \(variables); mv \(folder)/real \(variables)")
            }
        }
    }
}
