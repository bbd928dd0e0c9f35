import Glibc
import HostFixtures
import Hypervisor
import Support
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator

@Suite("check comes to an end")
struct CheckBoundTests {
    private struct Hanging: CheckTheme {
        let subject = "what hangs"
        let limit = Duration.milliseconds(100)
        func findings() async throws -> [Finding] {
            try await Task.sleep(for: .seconds(600))
            return []
        }
    }

    @Test("and says so of what does not")
    func theme() async {
        let began = ContinuousClock.now
        let found = await Hanging().result()
        #expect(found.map(\.code) == [.checkUnfinished])
        #expect(began.duration(to: .now) < .seconds(300))
    }

    @Test("with one finding where a hypervisor hangs, and the others' VMs are judged")
    func hypervisor() async throws {
        let second = "[hypervisor vc]\nkind = vsphere\nurl = https://SCRATCH/x\nusername = a"
        try await withCheckedBench(sections: second) { bench async throws in
            bench.pool.world.change {
                $0.list = {
                    sleep(20)
                    return []
                }
            }
            let context = bench.bench.context()
            let configuration = try bench.bench.configuration
            let report = try await PreflightCheck(
                configuration: configuration, context: context, hypervisors: Hypervisors(configuration, context),
                host: CheckedHost(root: bench.scratch.path + "/host"), listing: .seconds(10)
            ).run()
            let silent = report.findings.filter { $0.code == .hypervisorUnreachable }
            #expect(silent.map(\.what) == ["local: it does not tell its VMs within 10 s"], "\(silent)")
            #expect(report.facts.contains("vc: 0 VMs"))
        }
    }

    @Test("with one finding where zfs hangs, fails, or is not there", arguments: ["exec sleep 30", "exit 1", nil])
    func zfs(script: String?) async throws {
        try await withCheckedBench(sections: "[tank/VM]\n[tank/gone]") { bench async throws in
            let path = bench.scratch.path + "/bin/zfs"
            if let script {
                try bench.scratch.write("bin/zfs", "#!/bin/sh\n\(script)\n", mode: 0o755)
            } else {
                unlink(path)
            }
            bench.zfsTimeout = .milliseconds(300)
            let found = try await bench.report().findings
            #expect(found.map(\.code) == [script == nil ? .zfsMissing : .zfsSilent], "\(found.map(\.line))")
        }
    }
}
