import Glibc
import Subprocess
import SystemPackage
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("A qemu-img that outlived its hook")
struct StrayQEMUImgTests {
    @Test("is ended when it works on one of the overlays, and not touched when on another", arguments: [true, false])
    func end(isOurs: Bool) async throws {
        try await withScratchFolder { scratch async throws in
            let program = scratch.path + "/qemu-img"
            _ = try await run(.path("/bin/cp"), arguments: ["/bin/bash", program], output: .discarded)
            let overlay = scratch.path + "/web01.qcow2"
            async let result = run(
                .path(FilePath(program)), arguments: ["-c", "sleep 3; true", overlay], output: .discarded,
                error: .discarded)
            try await Task.sleep(for: .milliseconds(500))
            StrayQEMUImg.end(on: [isOurs ? overlay : overlay + ".other"])
            let status = try await result.terminationStatus
            #expect((status == .signaled(SIGKILL)) == isOurs, "\(status)")
        }
    }
}
