import Testing

extension RealParts {
    @Suite("Bad input")
    struct BadInputTests {
        @Test("A domain with quotes, markup and 200 characters in its name, on a disk with spaces and commas")
        func nastyNames() async throws {
            let guest = Stage.Guest(name: "plain", options: "--no-start")
            try await Stage.with("nasty", [guest]) { stage in
                let name = "we\"ird 'name' <&> ..,= " + String(repeating: "x", count: 177)
                let disk = "/\(stage.dataset)/a disk, with commas.raw"
                let xml = "\(stage.lab.folder)/nasty.xml"
                let escapedName = "we\"ird 'name' &lt;&amp;&gt; ..,= " + String(repeating: "x", count: 177)
                try await need(
                    """
                    set -e
                    mv \(stage.image(guest, "vda")) \(quoted(disk))
                    virsh dumpxml plain > \(xml); virsh -q undefine plain
                    python3 - \(xml) \(quoted(escapedName)) \(quoted(disk)) \(stage.image(guest, "vda")) <<'P'
                    import re, sys
                    path, name, disk, old = sys.argv[1:]
                    text = open(path).read().replace(old, disk)
                    text = re.sub('<name>.*</name>', lambda m: '<name>' + name + '</name>', text)
                    open(path, 'w').write(text)
                    P
                    virsh -q define \(xml); virsh -q start \(quoted(name)); \(stage.lab.program) wait plain || sleep 6
                    """)
                let uuid = try await need("virsh domuuid \(quoted(name))")
                let outcome = try await shell(
                    """
                    s=\(stage.dataset)@a
                    \(stage.lab.preSnapshot) $s && ls \(stage.lab.overlays) && zfs snapshot $s && \(stage.lab.postSnapshot) $s
                    """)
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(outcome.lines.count == 1)
                #expect(outcome.output.hasPrefix("we_ird__name__"))
                #expect(outcome.errors.contains(": quiesced"), "\(outcome.errors)")
                #expect(try await need("virsh domblklist \(uuid)").contains(disk))
                #expect(try await stage.property("vms", of: "\(stage.dataset)@a").hasPrefix("we%22ird%20"))
                try await need("virsh destroy \(uuid); virsh undefine \(uuid)")
                #expect(try await need("ls -A \(stage.lab.overlays) \(stage.lab.runs)").contains(".qcow2") == false)
            }
        }

        @Test("A hostile environment changes nothing: neither what is done, nor which programs, nor the watchdog")
        func environment() async throws {
            let guest = Stage.Guest(name: "surrounded")
            try await Stage.with("hostile", [guest]) { stage in
                let folder = "\(stage.lab.folder)/hostile"
                let snapshot = "\(stage.dataset)@a"
                let variables = [
                    "STILLPOINT_GUARD": "x", "STILLPOINT_GUARD_MANAGER": "1:1", "LIBVIRT_DEBUG": "1",
                    "LIBVIRT_LOG_OUTPUTS": "1:file:\(folder)/written", "LIBVIRT_DEFAULT_URI": "test:///default",
                    "SSLKEYLOGFILE": "\(folder)/written", "TZ": ":\(folder)/fifo", "LD_DEBUG_OUTPUT": "\(folder)/x",
                    "PATH": ".:\(folder):$PATH",
                ]
                let hostile = "env " + variables.map { "\($0)=\"\($1)\"" }.joined(separator: " ")
                let outcome = try await shell(
                    """
                    mkdir -m 0777 \(folder); chmod 0777 \(folder); cd \(folder); mkfifo fifo
                    for name in zfs qemu-img systemd-run; do
                        printf '#!/bin/sh\\ntouch \(folder)/written\\n' >$name; chmod +x $name
                    done
                    \(hostile) \(stage.lab.preSnapshot) \(snapshot) || exit 1
                    tr '\\0' '\\n' </proc/$(pgrep -f '^stillpoint-watchdog')/environ | grep -E 'LIBVIRT|SSLKEY|GUARD|hostile' && exit 2
                    zfs snapshot \(snapshot)
                    \(hostile) \(stage.lab.postSnapshot) \(snapshot) || exit 3
                    [ ! -e written ] || exit 4
                    """)
                #expect(outcome.status == 0, "\(outcome.output) \(outcome.errors)")
                #expect(try await stage.property("vms", of: snapshot) == "surrounded=quiesced")
                try await stage.expectNothingLeft()
                // Only who holds the run's lock is its watchdog.
                let called = try await shell(
                    """
                    \(stage.lab.preSnapshot) \(stage.dataset)@b || exit 1
                    pkill -9 -f '^stillpoint-watchdog'; sleep 0.1
                    run=$(ls \(stage.lab.runs) | sed -n 's/[.]json$//p'); exec 9<>\(stage.lab.runs)/$run.guard
                    (exec -a stillpoint-watchdog \(stage.lab.preSnapshot) $run 9 1:1) 2>/dev/null; [ $? = 2 ] || exit 2
                    flock 9; (exec -a stillpoint-watchdog \(stage.lab.preSnapshot) $run 9 1:1) || exit 3
                    """)
                #expect(called.status == 0, "\(called.errors)")
                try await stage.expectNothingLeft()
            }
        }

        @Test(
            "What cannot be meant is refused with a message that names it, exit code 2",
            arguments: [
                ("pre-snapshot nosuchpool/VM@a", "the dataset nosuchpool/VM does not exist"),
                ("pre-snapshot $LAB_POOL/nosuch@a", "does not exist"),
                ("pre-snapshot $LAB_POOL@a@b", "@"),
                ("pre-snapshot $LAB_POOL//x@a", "$LAB_POOL//x"),
                ("pre-snapshot", "pre-snapshot"),
                ("SANOID_TARGET= SANOID_SNAPNAME=a pre-snapshot", "SANOID_TARGET"),
                ("SANOID_TARGET=$LAB_POOL SANOID_SNAPNAME=$(printf %05000d 0) pre-snapshot", "SANOID_SNAPNAME"),
                ("SANOID_TARGET=$LAB_POOL SANOID_SNAPNAME=a SANOID_SCRIPT=post pre-snapshot", "post_snapshot_script"),
                ("pre-snapshot --config /nonexistent/x.conf $LAB_POOL@a", "/nonexistent/x.conf"),
            ])
        func refused(_ command: String, _ message: String) async throws {
            let lab = try #require(Lab.here)
            let outcome = try await shell("PATH=\(lab.binaries):$PATH; \(command)")
            #expect(outcome.status == 2, "\(outcome.errors)")
            #expect(outcome.errors.contains(try await need("echo \"\(message)\"")), "\(outcome.errors)")
            #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        }

        @Test("A snapshot name with spaces is valid in ZFS and works")
        func spaces() async throws {
            try await Stage.with("spaces", [Stage.Guest(name: "spacy")]) { stage in
                let snapshot = "\(stage.dataset)@a b c"
                let outcome = try await shell(
                    "s='\(snapshot)'; \(stage.lab.preSnapshot) \"$s\" && zfs snapshot \"$s\" && \(stage.lab.postSnapshot) \"$s\""
                )
                try await stage.expectNothingLeft()
                // zfs-fuse takes no spaces in names; then there is no snapshot and post was not reached.
                if outcome.status == 0 {
                    #expect(try await stage.property("vms", of: snapshot) == "spacy=quiesced")
                }
            }
        }

        @Test("Overlay directories that cannot be used are refused before anything is touched")
        func overlayDirectory() async throws {
            try await Stage.with("rooms", [Stage.Guest(name: "roomy")]) { stage in
                let lab = stage.lab
                let small = "\(lab.folder)/small"
                try await need("mkdir -p \(small) && mount -t tmpfs -o mode=0755,size=1m tmpfs \(small)")
                for (folder, reason) in [
                    ("/nonexistent", "install -d -m 0711 /nonexistent"), ("/\(stage.dataset)", "which is snapshotted"),
                    ("/proc/sys", "is not writable"), ("\(lab.folder)/small", "make room"),
                ] {
                    try await need("printf '[stillpoint]\\noverlay_dir = \(folder)\\n' > \(lab.configuration)")
                    let pre = try await shell("\(lab.preSnapshot) \(stage.dataset)@a")
                    #expect(pre.status == 2, "\(folder): \(pre.errors)")
                    #expect(pre.errors.contains(reason), "\(pre.errors)")
                    try await stage.expectNothingLeft()
                }
                try await need("umount \(lab.folder)/small")
            }
        }

        @Test("State files that are truncated or of a newer format are named and not touched, and post exits 3")
        func stateFiles() async throws {
            try await Stage.with("state", [Stage.Guest(name: "stated")]) { stage in
                let lab = stage.lab
                try await need("\(lab.preSnapshot) \(stage.dataset)@a && zfs snapshot \(stage.dataset)@a")
                let file = try await need("ls \(lab.runs)/*.json")
                try await need("cp \(file) \(lab.folder)/kept.json")
                for (damage, reason) in [
                    ("head -c 100 \(lab.folder)/kept.json > \(file)", "is damaged"),
                    ("sed 's/\"format\": 1/\"format\": 99/' \(lab.folder)/kept.json > \(file)", "has format 99"),
                ] {
                    try await need(damage)
                    let sum = try await need("sha256sum < \(file)")
                    let post = try await shell(
                        "zfs snapshot \(stage.dataset)@a 2>/dev/null || true; \(lab.postSnapshot) \(stage.dataset)@a")
                    #expect(post.status == 3)
                    #expect(post.errors.contains(reason), "\(post.errors)")
                    #expect(try await need("sha256sum < \(file)") == sum)
                    #expect(try await need("virsh domblklist stated").contains(lab.overlays))
                }
                try await need("cp \(lab.folder)/kept.json \(file)")
                #expect(
                    try await shell(
                        "zfs snapshot \(stage.dataset)@a 2>/dev/null || true; \(lab.postSnapshot) \(stage.dataset)@a"
                    ).status == 0)
                try await stage.expectNothingLeft()
            }
        }
    }

    @Suite("Without libvirt")
    struct WithoutLibvirtTests {
        @Test("A refused connection and a missing library each give one clear line, and the snapshot is taken")
        func unreachable() async throws {
            try await Stage.with("without", []) { stage in
                let lab = stage.lab
                try await stage.set("[hypervisor gone]\nuri = qemu+unix:///system?socket=/nonexistent/sock")
                let refused = try await shell("\(lab.preSnapshot) \(stage.dataset)@a")
                #expect(refused.status == 0)
                #expect(refused.errors.contains("start libvirtd"), "\(refused.errors)")
                try await stage.set(
                    "on_failure = abort\n[hypervisor gone]\nuri = qemu+unix:///system?socket=/nonexistent/sock")
                #expect(try await shell("\(lab.preSnapshot) \(stage.dataset)@a").status == 1)
                try await stage.set("")
                let missing = try await shell(
                    """
                    unshare --mount bash -c 'mount --bind /dev/null $(realpath /usr/lib/*/libvirt.so.0) \
                        && exec \(lab.preSnapshot) \(stage.dataset)@a'
                    """)
                #expect(missing.errors.contains("install the package libvirt0"), "\(missing.errors)")
            }
        }

        @Test("A post without a run and a pre with nothing to freeze do not load libvirt")
        func notLoaded() async throws {
            try await Stage.with("idle", []) { stage in
                try await stage.set("[\(stage.dataset)]\nstrategy = ignore")
                for hook in [stage.lab.postSnapshot, stage.lab.preSnapshot] {
                    let traced = try await shell("strace -f -e trace=openat,clone3,execve \(hook) \(stage.dataset)@a")
                    #expect(traced.status == 0)
                    #expect(!traced.errors.contains("libvirt"))
                    // Nor is a thread started.
                    #expect(!traced.errors.contains("clone3"))
                }
            }
        }
    }
}
