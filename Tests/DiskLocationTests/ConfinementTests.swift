import DiskLocation
import Glibc
import Support
import SystemPackage
import TestSupport
import Testing

@Suite("qemu-img", .enabled(if: access("/usr/bin/qemu-img", X_OK) == 0))
struct ConfinementTests {
    private func make(_ command: String) {
        #expect(system("{ " + command + "; } >/dev/null 2>&1") == 0, "\(command)")
    }

    private func run(
        _ program: String, _ arguments: [String], _ images: [Confinement.Grant] = [], fileSize: UInt64 = 1 << 20
    ) async throws -> ChildProcess.Outcome {
        try await ChildProcess.run(
            program, arguments, within: .seconds(20), outputLimit: 1 << 16,
            confinement: Confinement(images, within: .seconds(20), fileSize: fileSize))
    }

    @Test("reaches the images that it is given, and no other file", .enabled(if: Confinement.isComplete))
    func files() async throws {
        try await withScratchFolder { scratch in
            let secret = try scratch.write("secret", "TOPSECRET")
            let image = try ImageFile(try scratch.write("image", "mine"))
            let mine = ConfinedQEMUImg.name(of: image)
            #expect(try await run("/usr/bin/cat", [mine], [Confinement.Grant(image)]).output == Array("mine".utf8))
            #expect(try await run("/usr/bin/cat", [secret], [Confinement.Grant(image)]).exitStatus != 0)
            // Not to be written to, unless that was said.
            for isWritable in [false, true] {
                let grant = Confinement.Grant(image, isWritable: isWritable)
                let outcome = try await run("/usr/bin/truncate", ["-s", "2", mine], [grant])
                #expect((outcome.exitStatus == 0) == isWritable)
            }
            #expect(try readFile(scratch.path + "/image") == Array("mi".utf8))
            for command in [["/usr/bin/touch", scratch.path + "/new"], ["/usr/bin/rm", secret]] {
                #expect(try await run(command[0], [command[1]], [Confinement.Grant(image)]).exitStatus != 0)
            }
            #expect(try readFile(secret) == Array("TOPSECRET".utf8))
            #expect(try scratch.names(in: "") == ["image", "secret"])
        }
    }

    @Test("writes no longer file than it is allowed, and gets no privileges")
    func limits() async throws {
        try await withScratchFolder { scratch in
            let image = try ImageFile(try scratch.write("image", ""))
            let grant = Confinement.Grant(image, isWritable: true)
            let long = try await run("/usr/bin/truncate", ["-s", "2M", ConfinedQEMUImg.name(of: image)], [grant])
            #expect(long.exitStatus != 0)
            let status = try await run("/usr/bin/sh", ["-c", "ulimit -c; ulimit -v; ulimit -f"], [grant])
            #expect(String(decoding: status.output, as: UTF8.self) == "0\n4194304\n2048\n")
        }
    }

    @Test("has nothing open but what it is given, in a session of its own, with its signals as they come")
    func descriptors() async throws {
        try await withScratchFolder { scratch in
            let image = try ImageFile(try scratch.write("image", "mine"))
            let leaked = open("/etc/passwd", O_RDONLY)
            defer { close(leaked) }
            let outcome = try await run(
                "/usr/bin/sh",
                ["-c", "for i in 3 4 5 6 7 8 9; do [ -e /dev/fd/$i ] && echo $i; done; kill -TERM $$; echo alive"],
                [Confinement.Grant(image)])
            #expect(outcome.exitStatus == nil)
            let missing = await #expect(throws: ChildProcess.Failure.self) { try await run("/usr/bin/nothing", []) }
            #expect(missing == .notStarted(.noSuchFileOrDirectory))
        }
    }

    static let options = [
        "", "-o compat=0.10", "-o cluster_size=512", "-o cluster_size=2M", "-o compression_type=zstd",
        "-o extended_l2=on,cluster_size=128k", "-o lazy_refcounts=on", "-o refcount_bits=1", "-o refcount_bits=64",
        "-o preallocation=metadata", "-b /srv/base.raw -F raw -u", "-b /srv/base.qcow2 -F qcow2 -u",
        "-b 'json:{\"driver\":\"null-co\"}' -F raw -u", "-b nbd://host/x -F raw -u", "-o data_file=data.raw",
        "-o data_file=data.raw,data_file_raw=on",
        "--object secret,id=s,data=x -o encrypt.format=luks,encrypt.key-secret=s",
        "-b /srv/base -F raw -u -o cluster_size=1M,extended_l2=on,compression_type=zstd",
    ]

    @Test("agrees with what is read of its headers", arguments: options)
    func headers(options: String) throws {
        try withScratchFolder { scratch in
            let path = scratch.path + "/a.qcow2"
            // On a busy machine it may fail to measure how long a key takes.
            make(
                """
                cd \(scratch.path)
                for i in $(seq 10); do qemu-img create -q -f qcow2 \(options) a.qcow2 10M && exit 0; sleep 0.2; done; exit 1
                """)
            let header = try ImageHeader.read(at: path)
            make("cd \(scratch.path); qemu-img info -f qcow2 --output=json a.qcow2 > info")
            let info = String(decoding: try readFile(scratch.path + "/info"), as: UTF8.self)
            #expect(header.virtualSize == 10 << 20)
            #expect(info.contains("\"cluster-size\": \(1 << header.clusterBits)"))
            #expect(info.contains("\"compat\": \"\(header.version == 2 ? "0.10" : "1.1")\""))
            #expect(info.contains("\"data-file\"") == header.hasDataFile)
            #expect(info.contains("\"encrypted\": true") == header.isEncrypted)
            #expect(info.contains("\"backing-filename\"") == (header.backing != nil))
            if let format = header.backing?.format {
                #expect(info.contains("\"backing-filename-format\": \"\(format)\""))
            }
            #expect(!header.isDirty && !header.isCorrupt)
        }
    }

    @Test("moves an image onto another base, whose bytes say nothing", .enabled(if: Confinement.isComplete))
    func rebase() async throws {
        try await withScratchFolder { scratch in
            // A raw base whose guest wrote a header.
            let base = try scratch.write("base.raw", HeaderFixture(backing: "/etc/shadow", format: "raw").bytes)
            make("cd \(scratch.path); qemu-img create -q -u -f qcow2 -F raw -b /old/base.raw a.qcow2 1M")
            let path = scratch.path + "/a.qcow2"
            try await ImageChain.rebase(ImageFile(path), onto: base, format: "raw")
            #expect(try ImageHeader.read(at: path).backing == ImageHeader.Backing(name: base, format: "raw"))
            make("cd \(scratch.path); qemu-img create -q -f qcow2 -o data_file=d.raw b.qcow2 1M")
            let error = await #expect(throws: StorageError.self) {
                try await ImageChain.rebase(ImageFile(scratch.path + "/b.qcow2"), onto: base, format: "raw")
            }
            #expect(error?.message.contains("its header names a data file") == true)
            // A raw one is none to be rebased.
            let raw = await #expect(throws: StorageError.self) {
                try await ImageChain.rebase(ImageFile(try scratch.write("c.raw", "x")), onto: base, format: "raw")
            }
            #expect(raw?.code == .otherFormat)
        }
    }
}
