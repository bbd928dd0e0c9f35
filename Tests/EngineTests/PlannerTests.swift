import HostFixtures
import Hypervisor
import SnapshotManagers
import TestSupport
import Testing
import ZFS

@testable import Configuration
@testable import Engine

@Suite("The plan")
struct PlannerTests {
    /// Plans for one VM.
    private func plan(
        _ host: HostFixture, _ machine: VirtualMachine, of targets: [String] = ["tank/VM"],
        recursion: Invocation.Recursion = .no, configuration text: String = ""
    ) throws -> PlannedVM? {
        let configuration = try host.configuration(text)
        let planner = Planner(
            scope: try host.scope(targets, recursion: recursion, configuration), storage: try host.storage(),
            configuration: configuration)
        let settings = HypervisorSettings(name: "local", uri: "fake://plan")
        return planner.plan([machine], of: FakeHypervisor(settings)).first
    }

    @Test(
        "takes in a child's disk where the snapshot is recursive",
        arguments: [
            (["tank/VM"], .no, "tank/VM/a.raw", ["tank/VM"]), (["tank/VM"], .no, "tank/VM/db/a.raw", nil),
            (["tank/VM"], .yes, "tank/VM/db/a.raw", ["tank/VM/db"]), (["tank"], .no, "tank/VM/a.raw", nil),
            (["tank"], .yes, "tank/VM/a.raw", ["tank/VM"]), (["tank/VM"], .yes, "tank/other/a.raw", nil),
            (["tank/VM", "tank/VM/db"], .no, "tank/VM/db/a.raw", ["tank/VM/db"]),
            (["tank/VM"], .yes, "overlays/a.raw", nil), (["tank/VM"], .yes, "none/a.raw", nil),
        ] as [([String], Invocation.Recursion, String, [String]?)])
    func scope(targets: [String], recursion: Invocation.Recursion, image: String, expected: [String]?) throws {
        try withHost { host in
            let machine = host.machine("web01", host.disk("vda", image))
            let planned = try plan(host, machine, of: targets, recursion: recursion)
            #expect(planned?.datasets.map(\.rawValue) == expected)
            #expect(planned.map { $0.disks.map(\.target) } == expected.map { _ in ["vda"] })
        }
    }

    @Test("holds only the disks that are snapshotted")
    func severalDisks() throws {
        try withHost { host in
            let machine = host.machine(
                "web01", host.disk("vda", "tank/VM/a.raw"), host.disk("vdb", "tank/other/b.raw"),
                host.disk("vdc", "tank/VM/db/c.raw"), host.disk("vdd", "tank/VM/d.raw"))
            let planned = try #require(try plan(host, machine))
            #expect(planned.disks.map(\.target) == ["vda", "vdd"])
            #expect(planned.datasets.map(\.rawValue) == ["tank/VM"])
            #expect(planned.notes.isEmpty)
        }
    }

    @Test("finds the backing file of a VM that is off in its image")
    func backingOfIdle() throws {
        try withHost { host in
            let header = HeaderFixture(backing: host.scratch.path + "/tank/VM/base.raw", format: "raw")
            let top = try host.scratch.write("overlays/idle.qcow2", header.bytes)
            let disk = Disk(target: "vda", chain: [top], format: "qcow2")
            let idle = VirtualMachine(id: "1", name: "idle", power: .off, disks: [disk])
            let planned = try #require(try plan(host, idle))
            #expect(planned.disks.isEmpty)
            #expect(planned.notes == ["vda writes to \(top), which this snapshot does not hold"])
            // What is kept of it tells of the backing image too.
            #expect(planned.machine.disks.map(\.chain) == [[top, host.scratch.path + "/tank/VM/base.raw"]])
            // Of a running one libvirt lists the chain.
            let running = VirtualMachine(id: "1", name: "idle", power: .running, disks: [disk])
            #expect(try plan(host, running) == nil)
        }
    }

    @Test("has a word but no disk where only a backing file is snapshotted")
    func backing() throws {
        try withHost { host in
            let machine = host.machine("web01", host.disk("vda", "overlays/top.qcow2", "tank/VM/base.raw"))
            let planned = try #require(try plan(host, machine))
            #expect(planned.disks.isEmpty)
            #expect(planned.datasets.map(\.rawValue) == ["tank/VM"])
            let path = host.scratch.path + "/overlays/top.qcow2"
            #expect(planned.notes == ["vda writes to \(path), which this snapshot does not hold"])
        }
    }

    @Test(
        "leaves out a VM that has only excluded disks",
        arguments: [Disk.Exclusion.readOnly, .cdrom, .floppy, .shareable, .transient, .remote])
    func excluded(exclusion: Disk.Exclusion) throws {
        try withHost { host in
            let machine = host.machine("web01", host.disk("vda", "tank/VM/a.raw", exclusion: exclusion))
            let planned = try plan(host, machine)
            #expect(planned?.machine == nil)
        }
    }

    @Test(
        "excludes a disk, with a note where that costs consistency",
        arguments: [
            (.readOnly, []), (.cdrom, []), (.floppy, []), (.shareable, ["vdb is shareable and was excluded"]),
            (
                .transient,
                [
                    "vdb is transient and was excluded: what the guest writes to it is discarded at its "
                        + "shutdown"
                ]
            ),
        ] as [(Disk.Exclusion, [String])])
    func leftAlone(exclusion: Disk.Exclusion, notes: [String]) throws {
        try withHost { host in
            let machine = host.machine(
                "web01", host.disk("vda", "tank/VM/a.raw"), host.disk("vdb", "tank/VM/b.raw", exclusion: exclusion))
            let planned = try #require(try plan(host, machine))
            #expect(planned.disks.map(\.target) == ["vda"])
            #expect(planned.notes == notes)
        }
    }

    @Test("leaves out a VM without disks, and one whose disk cannot be followed")
    func nothing() throws {
        try withHost { host in
            let bare = try plan(host, host.machine("web01"))
            #expect(bare?.machine == nil)
            let odd = Disk(target: "vda", chain: ["json:{}", "relative", ""], format: "raw")
            let planned = try plan(host, host.machine("web01", odd))
            #expect(planned?.machine == nil)
        }
    }

    @Test("tells of each disk what becomes of it, and which line wants it")
    func entry() throws {
        try withHost { host in
            let refused = Disk(
                target: "vdb", chain: [host.scratch.path + "/tank/VM/b.raw"], format: "raw", refusal: "vdb is encrypted"
            )
            let lost = Disk(target: "vdf", chain: [], format: "raw", refusal: "vdf has no pool")
            let machine = host.machine(
                "web01", host.disk("vda", "tank/VM/a.raw"), refused, host.disk("vdc", "tank/other/c.raw"),
                host.disk("vdd", "overlays/d.raw"), host.disk("vde", "tank/VM/e.iso", exclusion: .cdrom), lost)
            let configuration = try host.configuration("[vm web*]\nstrategy = quiesce")
            let planner = Planner(
                scope: try host.scope(["tank/VM"], configuration), storage: try host.storage(),
                configuration: configuration, types: ["daily", ""])
            let hypervisor = FakeHypervisor(HypervisorSettings(name: "local", uri: "fake://plan"))
            let entry = planner.entry(of: try #require(planner.survey([machine], of: hypervisor).first))
            #expect(
                entry.disks.map { "\($0.target) \($0.datasets) \($0.handling.rawValue) \($0.reason ?? "")" } == [
                    "vda [\"tank/VM\"] overlay ", "vdb [\"tank/VM\"] refused vdb is encrypted",
                    "vdc [\"tank/other\"] elsewhere ", "vdd [] elsewhere ", "vde [\"tank/VM\"] excluded CD-ROM",
                    "vdf [] refused vdf has no pool",
                ])
            #expect(entry.strategyLine?.line == 2 && entry.strategyLine?.section == "vm web*")
            #expect(entry.onFailureLine == nil && entry.types == ["daily"])
            let text = entry.paragraph
            #expect(text.contains("stillpoint.conf:2 [vm web*]\n") && text.contains("            default\n"))
            #expect(text.split(separator: "\n").first == "web01: running, on local")
        }
    }

    @Test(
        "moves no disk of a VM that is off, ignored, or frozen by a strategy that moves none",
        arguments: [
            ("", VirtualMachine.PowerState.off), ("freeze", .running), ("pause", .running), ("ignore", .running),
        ])
    func inPlace(strategy: String, power: VirtualMachine.PowerState) throws {
        try withHost { host in
            let configuration = try host.configuration(strategy.isEmpty ? "" : "[stillpoint]\nstrategy = \(strategy)")
            let planner = Planner(
                scope: try host.scope(["tank/VM"], configuration), storage: try host.storage(),
                configuration: configuration)
            let hypervisor = FakeHypervisor(HypervisorSettings(name: "local", uri: "fake://plan"))
            let planned = try #require(planner.survey([host.web(power: power)], of: hypervisor).first)
            #expect(planner.entry(of: planned).disks.map(\.handling) == [.inPlace])
            #expect(planned.isIgnored == (strategy == "ignore"))
        }
    }

    @Test("follows a symbolic link to the dataset")
    func link() throws {
        try withHost { host in
            try host.scratch.write("tank/VM/a.raw", "")
            try host.scratch.link("images/a.raw", to: host.scratch.path + "/tank/VM/a.raw")
            let machine = host.machine("web01", host.disk("vda", "images/a.raw"))
            #expect(try plan(host, machine)?.disks.count == 1)
        }
    }

    @Test("takes in a VM that is off or paused", arguments: [VirtualMachine.PowerState.off, .paused])
    func power(power: VirtualMachine.PowerState) throws {
        try withHost { host in
            let planned = try plan(host, host.web(power: power))
            #expect(planned?.machine.power == power)
            #expect(planned?.disks.count == 1)
        }
    }

    @Test(
        "takes the strategy from the VM, its dataset, or the general section",
        arguments: [
            ("", "tank/VM/a.raw", [.quiesce, .crashConsistent], .continue),
            ("[tank/VM]\nstrategy = crash-consistent", "tank/VM/a.raw", [.crashConsistent], .continue),
            ("[tank]\nstrategy = quiesce\non_failure = abort", "tank/VM/a.raw", [.quiesce], .abort),
            (
                "[tank/VM]\nstrategy = crash-consistent\n[vm web*]\nstrategy = quiesce", "tank/VM/a.raw", [.quiesce],
                .continue
            ),
            (
                "[stillpoint]\non_failure = abort\n[vm db]\nstrategy = ignore", "tank/VM/a.raw",
                [.quiesce, .crashConsistent], .abort
            ),
        ] as [(String, String, [Strategy], Policy.OnFailure)])
    func policy(text: String, image: String, strategies: [Strategy], onFailure: Policy.OnFailure) throws {
        try withHost { host in
            let machine = host.machine("web01", host.disk("vda", image))
            let planned = try #require(try plan(host, machine, configuration: text))
            #expect(planned.strategies == strategies)
            #expect(planned.onFailure == onFailure)
        }
    }

    @Test(
        "leaves out what is to be ignored",
        arguments: [
            "[stillpoint]\nstrategy = ignore", "[tank]\nstrategy = ignore", "[vm web0?]\nstrategy = ignore",
            "[tank/VM]\nstrategy = quiesce\n[vm web01]\nstrategy = ignore",
        ])
    func ignore(text: String) throws {
        try withHost { host in
            let planned = try plan(host, host.web(), configuration: text)
            #expect(planned?.machine == nil)
        }
    }

    @Test(
        "knows from the configuration alone where no VM can be concerned",
        arguments: [
            ("", ["tank/VM"], .no, true), ("[stillpoint]\nstrategy = ignore", ["tank/VM"], .no, false),
            ("[tank/VM]\nstrategy = ignore", ["tank/VM"], .yes, false),
            ("[tank/VM]\nstrategy = ignore", ["tank/VM", "tank/other"], .no, true),
            ("[tank]\nstrategy = ignore\n[tank/VM]\nstrategy = quiesce", ["tank"], .no, false),
            ("[tank]\nstrategy = ignore\n[tank/VM]\nstrategy = quiesce", ["tank"], .yes, true),
            ("[tank]\nstrategy = ignore\n[vm db]\nstrategy = quiesce", ["tank"], .no, true),
            ("[tank]\nstrategy = ignore\n[vm db]\non_failure = abort", ["tank"], .no, false),
        ] as [(String, [String], Invocation.Recursion, Bool)])
    func mayConcern(text: String, targets: [String], recursion: Invocation.Recursion, expected: Bool) throws {
        try withHost { host in
            let configuration = try host.configuration(text)
            let planner = Planner(
                scope: try host.scope(targets, recursion: recursion, configuration), storage: try host.storage(),
                configuration: configuration)
            #expect(planner.mayConcernMachines == expected)
        }
    }
}
