import Testing

extension RealParts {
    @Suite("Two managers at random")
    struct StressTests {
        @Test("twelve cycles, a fifth of the hooks killed: nothing is left behind, nothing lost, nothing grows")
        func twelveCycles() async throws {
            let lab = try #require(Lab.here)
            try await need("rm -rf /var/lib/stillpoint/*")
            let run = try await shell("$(dirname \(lab.program))/../Benchmarks/stress.sh \(lab.binaries) 12 20")
            print(run.output)
            // Its guests and its dataset are still there; the next test may want none.
            _ = try await shell(
                """
                for guest in one two pair ram; do
                    virsh destroy $guest; virsh undefine --snapshots-metadata $guest
                done
                rm -rf \(lab.overlays)/* \(lab.runs)/* \(lab.folder)/cold \(lab.folder)/stress; sleep 0.2
                zfs destroy -R \(lab.pool)/stress || { sleep 1; zfs destroy -R \(lab.pool)/stress; }
                """)
            #expect(run.status == 0, "\(run.output)\(run.errors)")
        }
    }
}
