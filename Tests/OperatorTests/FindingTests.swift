import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import Support
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator

@Suite("Findings")
struct FindingTests {
    /// What back ends find, with the test that plants it and a word of it there.
    private static let elsewhere: [FindingCode: (file: String, word: String)] = [
        .configurationRefused: ("OperatorTests/PreflightCheckTests.swift", "SP111"),
        .mappingUnused: ("EndToEndTests/RemoteHypervisorTests.swift", "SP110"),
        .nothingVisible: ("VSphereHypervisorTests/DiscoveryTests.swift", ".nothingVisible"),
        .privilegesMissing: ("VSphereHypervisorTests/DiscoveryTests.swift", ".privilegesMissing"),
        .datastoreForeign: ("VSphereHypervisorTests/DiscoveryTests.swift", ".datastoreForeign"),
        .datasetShared: ("VSphereHypervisorTests/DiscoveryTests.swift", ".datasetShared"),
        .disksUnreadable: ("VSphereHypervisorTests/DiscoveryTests.swift", ".disksUnreadable"),
        .serverSnapshotLeft: ("VSphereHypervisorTests/DiscoveryTests.swift", ".serverSnapshotLeft"),
        .runNotEnded: ("OperatorTests/PreflightCheckTests.swift", "its watchdog has not ended it"),
        .licenceRefusesSnapshots: ("VSphereHypervisorTests/ObstacleTests.swift", ".licenceRefusesSnapshots"),
        .labelsMissing: ("LibvirtHypervisorTests/SELinuxLabelsTests.swift", ".labelsMissing"),
        .selinuxInForce: ("LibvirtHypervisorTests/SELinuxLabelsTests.swift", ".selinuxInForce"),
        .appArmorParserMissing: ("LibvirtHypervisorTests/HostFindingTests.swift", ".appArmorParserMissing"),
        .appArmorInForce: ("LibvirtHypervisorTests/HostFindingTests.swift", ".appArmorInForce"),
        .confinementMissing: ("LibvirtHypervisorTests/HostFindingTests.swift", ".confinementMissing"),
    ]

    /// What guests are found to be, in a test of its own.
    private static let ofGuests: [FindingCode: String] = [
        .agentMissing: ".agentMissing", .agentSilent: ".agentSilent", .agentRefuses: ".agentRefuses",
        .machinePaused: ".machinePaused", .machineBusy: ".machineBusy", .machineSilent: ".machineSilent",
        .shapeUnsupported: ".shapeUnsupported", .shutdownImpossible: ".shutdownImpossible",
        .strategyImpossible: ".strategyImpossible", .guestUnknown: ".guestUnknown", .nameShared: ".nameShared",
        .fallbackImpossible: ".fallbackImpossible",
    ]

    private func isTested(_ code: FindingCode) -> Bool {
        if PlantedFault.of(code) != nil { return true }
        let ofGuest = Self.ofGuests[code].map { (file: "OperatorTests/GuestCheckTests.swift", word: $0) }
        guard let place = ofGuest ?? Self.elsewhere[code] else { return false }
        let here = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let text = (try? readFile("/\(here)/\(place.file)")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return text.has(place.word)
    }

    @Test("each have a fault that is planted in some test", arguments: FindingCode.allCases)
    func planted(code: FindingCode) {
        #expect(isTested(code), "plant \(code) in PlantedFault, or name the test that does")
    }

    @Test(
        "are made when their fault is planted on a sound host, with the code's severity",
        arguments: FindingCode.allCases.filter { PlantedFault.of($0) != nil })
    func found(code: FindingCode) async throws {
        let fault = try #require(PlantedFault.of(code))
        try await withCheckedBench(general: fault.general, sections: fault.sections) { bench async throws in
            try await fault.plant(&bench)
            let report = try await bench.report()
            let found = report.findings.filter { $0.code == code }
            #expect(!found.isEmpty, "\(report.findings.map(\.line))")
            #expect(report.hasProblem || code.severity != .problem)
            for item in found {
                #expect(!item.why.isEmpty && !item.what.isEmpty && !item.line.contains("\n"), "\(item.line)")
            }
        }
    }

    @Test("are none on a sound host, and on one with systemd and someone to tell", arguments: [false, true])
    func sound(isTold: Bool) async throws {
        let told = """
            metrics_file = SCRATCH/overlays/stillpoint.prom
            mail_to = root
            webhook_url = https://hooks.example.com/x
            on_problem = SCRATCH/hooks/pre-snapshot
            cold_storage = SCRATCH/cold
            """
        try await withCheckedBench(
            general: isTold ? told : "", sections: "[tank/VM]\nstrategy = quiesce"
        ) { bench async throws in
            if isTold {
                let sanoid = ["sanoid.service": "TimeoutStartUSec=infinity\nProtectSystem=no"]
                try bench.systemd(PlantedFault.soundUnits.merging(sanoid) { $1 })
                try bench.program("usr/sbin/sendmail")
                try bench.wrote(1 << 20)
                try bench.scratch.write(
                    "bin/zpool", "#!/bin/sh\nprintf 'tank\\tONLINE\\t50%%\\toff\\n'\n", mode: 0o755)
            }
            #expect(try await bench.report().findings.map(\.line) == [])
        }
    }

    @Test("are no problem where only root may see what is there", arguments: [1000, 0])
    func denied(user: UInt32) async throws {
        try await withCheckedBench { bench async throws in
            bench.user = ProgramUser(id: user, may: { path, _ in !path.hasSuffix("/closed") }, reaches: { _ in true })
            try bench.scratch.folder("closed")
            try bench.bench.reconfigure { $0 + "\ncold_storage = \(bench.scratch.path)/closed/cold\n" }
            bench.pool.world.change {
                $0.list = { throw HypervisorError(.unreachable, "libvirt: Permission denied", remedy: .stop) }
            }
            let report = try await bench.report()
            #expect(report.hasProblem == (user == 0), "\(report.findings.map(\.line))")
            #expect(report.findings.contains { $0.code == .notRoot } == (user != 0))
        }
    }

    @Test("each have a title and a reason of their own, and a code that no other has")
    func texts() {
        let codes = FindingCode.allCases
        #expect(Set(codes.map(\.rawValue)).count == codes.count)
        #expect(Set(codes.map(\.title)).count == codes.count)
        #expect(codes.allSatisfy { !$0.why.isEmpty && !$0.title.hasSuffix(".") })
    }
}
