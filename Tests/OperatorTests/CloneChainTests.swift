import DiskLocation
import Glibc
import HostFixtures
import Hypervisor
import Synchronization
import TestSupport
import Testing

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("A chain of images in a clone", .serialized, .enabled(if: access("/usr/bin/qemu-img", X_OK) == 0))
struct CloneChainTests {
    /// A qcow2 image over a base, whose bytes are a header too; what the clone's image says afterwards is below it.
    private func backing(
        named: String? = "raw", format: String? = "qcow2", baseFormat: String? = "raw", isDone: Bool = true,
        _ check: @escaping (_ backing: ImageHeader.Backing?, _ base: String, _ clone: String, _ log: String) -> Void
    ) async throws {
        try await withPool { pool async throws in
            try pool.web()
            let base = try pool.image("base", isWritten: false, format: baseFormat)
            try pool.snapshot(images: [pool.image(format: format), base])
            let header = HeaderFixture(backing: base.path, format: named)
            try pool.scratch.write("snapshots/tank/VM@daily/web01.raw", header.bytes)
            let trap = HeaderFixture(backing: "/etc/shadow", format: "raw").bytes
            try pool.scratch.write("snapshots/tank/VM@daily/base", trap)
            let recorder = pool.recorder()
            let seen = Mutex<ImageHeader.Backing?>(nil)
            let clone = "\(pool.scratch.path)/clones/tank/web02"
            pool.world.change { world in
                let restore = world.restore
                world.restore = { request in
                    let backing = try ImageHeader.read(at: "\(clone)/web01.raw").backing
                    seen.withLock { $0 = backing }
                    #expect(try readFile("\(clone)/base") == trap)
                    return try restore(request)
                }
            }
            let code = await pool.restore(to: .clone("web02")) { $0.withoutMemory = true }
            #expect((code == .done) == isDone, "\(pool.log.text)")
            #expect(recorder.seen.isEmpty == !isDone)
            check(seen.withLock { $0 }, base.path, clone, pool.log.text)
        }
    }

    @Test("is of the formats that were recorded, whatever the bytes of a raw base say")
    func recorded() async throws {
        // A version that did not record the base's left it to the image above.
        for format in ["raw", nil] {
            try await backing(baseFormat: format) { backing, _, clone, _ in
                #expect(backing == ImageHeader.Backing(name: "\(clone)/base", format: "raw"))
            }
        }
    }

    @Test("is not restored where nothing says of what format an image below is")
    func unknown() async throws {
        try await backing(named: nil, baseFormat: nil, isDone: false) { _, _, _, log in
            #expect(log.contains("qemu-img rebase -u -F FORMAT"), "\(log)")
        }
    }

    @Test("is none for an image that is raw, or of which nobody said anything", arguments: ["raw", nil])
    func raw(format: String?) async throws {
        try await backing(format: format) { backing, base, _, _ in #expect(backing?.name == base) }
    }
}
