import DiskLocation
import Glibc
import HostFixtures
import Hypervisor
import RunState
import SnapshotManagers
import Support
import TestSupport
import ZFS

@testable import Engine

/// What is done to a sound host so that `stillpoint check` finds one thing.
struct PlantedFault {
    var general = ""
    var sections = ""
    var plant: (inout CheckedBench) async throws -> Void = { _ in }

    /// By the code that is to be found; the others are found by back ends, which have tests of their own.
    static func of(_ code: FindingCode) -> PlantedFault? {
        ofConfiguration(code) ?? ofFolders(code) ?? ofSanoid(code) ?? ofRuns(code) ?? ofHost(code)
            ?? ofMonitoring(code)
    }

    private static func ofConfiguration(_ code: FindingCode) -> PlantedFault? {
        let vc = "[hypervisor vc]\nkind = vsphere\nurl = https://SCRATCH/x\nusername = a\n"
        switch code {
        case .datasetMissing: return PlantedFault(sections: "[tank/gone]")
        case .datasetWithoutVM: return PlantedFault(sections: "[tank/VM/db]")
        case .patternUnmatched: return PlantedFault(sections: "[vm x]")
        case .wildcardUnmatched: return PlantedFault(sections: "[vm x*]")
        case .patternShadowed: return PlantedFault(sections: "[vm *]\n[vm web*]\nstrategy = quiesce")
        case .typeMistyped: return PlantedFault(sections: "[type dayly]")
        case .typeUnusual: return PlantedFault(sections: "[type nightly]")
        case .noHypervisorEnabled:
            return PlantedFault {
                try $0.bench.reconfigure {
                    "[hypervisor local]\nenabled = no" + $0.dropFirst("[hypervisor local]".count)
                }
            }
        case .hypervisorDisabled: return PlantedFault(sections: vc + "enabled = no")
        case .datastoreUnmapped: return PlantedFault(sections: vc)
        case .hypervisorUnreachable:
            return PlantedFault { bench in
                bench.pool.world.change { $0.list = { throw refusal(.stop, "nobody answers") } }
            }
        case .diskUnresolved:
            return PlantedFault { bench in
                let lost = VirtualMachine(
                    id: "2", name: "lost", power: .off, disks: [], unresolved: ["vda has no pool"])
                bench.pool.world.change { $0.list = { [lost] } }
            }
        case .diskRefused:
            return PlantedFault { bench in
                let path = bench.scratch.path + "/tank/VM/odd.raw"
                let odd = Disk(target: "vda", chain: [path], format: "raw", refusal: "vda is odd")
                bench.bench.has(bench.pool.host.machine("web02", odd))
            }
        default: return nil
        }
    }

    private static func ofFolders(_ code: FindingCode) -> PlantedFault? {
        let memory = "[tank/VM]\nstrategy = memory"
        func wrote(_ part: @escaping (UInt64) -> UInt64) -> PlantedFault {
            PlantedFault { try $0.wrote(part(try FreeSpace.fillable(at: $0.scratch.path + "/overlays"))) }
        }
        func has(memory bytes: UInt64) -> (inout CheckedBench) throws -> Void {
            { $0.bench.has($0.pool.machine(memory: bytes)) }
        }
        switch code {
        case .folderUnusable: return PlantedFault(general: "overlay_dir = SCRATCH/missing")
        case .coldStorageUnusable: return PlantedFault(general: "cold_storage = SCRATCH/missing")
        case .overlayFolderClosed:
            return PlantedFault {
                try $0.scratch.write("host/etc/libvirt/qemu.conf", "user = \"+4000000000\"\n")
                chmod($0.scratch.path, 0o700)
            }
        case .programUnusable: return PlantedFault(sections: "[tank/VM]\nstrategy = exec:/nonexistent/program")
        case .overlayRoomLacking: return wrote { $0 * 2 }
        case .overlayRoomTight: return wrote { $0 / 4 * 3 }
        case .ramRoomLacking: return PlantedFault(sections: memory, plant: has(memory: 1 << 60))
        case .coldRoomTight:
            return PlantedFault(general: "cold_storage = SCRATCH/cold", sections: memory, plant: has(memory: 1 << 60))
        case .snapshotRoomLacking:
            return PlantedFault {
                try $0.pool.pool.add(
                    "tank/VM", ["available": "3", "refreservation": "4", "usedbyrefreservation": "0"])
                try $0.pool.pool.add("tank", ["available": "3"])
            }
        case .snapshotRoomUnknown: return PlantedFault { try $0.pool.pool.fail("refreservation") }
        case .poolUnusable: return pool("SUSPENDED\\t50%\\toff")
        case .poolNearlyFull: return pool("ONLINE\\t93%\\toff")
        case .folderVolatile: return PlantedFault { try $0.mountTmpfs("overlays") }
        case .dumpsVolatile: return PlantedFault(sections: memory) { try $0.mountTmpfs("ram") }
        case .commitRoomLacking:
            return PlantedFault {
                try $0.wrote(1 << 20)
                try $0.pool.pool.add("tank/VM", ["available": "1000"])
            }
        case .fileUntrusted: return PlantedFault { chmod($0.hooks + "/post-snapshot", 0o777) }
        default: return nil
        }
    }

    private static func pool(_ says: String) -> PlantedFault {
        PlantedFault {
            try $0.scratch.write("bin/zpool", "#!/bin/sh\nprintf 'tank\\t\(says)\\n'\n", mode: 0o755)
        }
    }

    private static func ofSanoid(_ code: FindingCode) -> PlantedFault? {
        switch code {
        case .managerConfigurationUnreadable:
            return PlantedFault { chmod($0.scratch.path + "/sanoid/sanoid.conf", 0o666) }
        case .hooksMissing: return PlantedFault { try $0.sanoid("[tank/VM]\nautosnap = yes\nhourly = 2\n") }
        case .hookMissing: return PlantedFault { try $0.sanoid(without: "post_snapshot_script") }
        case .hookUnusable: return PlantedFault { unlink($0.hooks + "/pre-snapshot") }
        case .hookForeign:
            return PlantedFault {
                try $0.sanoid(without: "pre_snapshot_script", adding: "pre_snapshot_script = /bin/true")
            }
        case .scriptTimeoutShort: return PlantedFault { try $0.sanoid(without: "script_timeout") }
        case .failureIgnored: return PlantedFault(sections: "[tank/VM]\non_failure = abort")
        case .failureWithholdsSnapshot:
            return PlantedFault(sections: "[tank/VM]\non_failure = abort") {
                try $0.sanoid(adding: "no_inconsistent_snapshot = yes")
            }
        case .postForced: return PlantedFault { try $0.sanoid(adding: "force_post_snapshot_script = yes") }
        case .recursionContradicted:
            return PlantedFault(sections: "[tank/VM]\nrecursive = no") { bench in
                let host = bench.pool.host
                bench.bench.has(host.web(), host.machine("db", host.disk("vda", "tank/VM/db/db.raw")))
                try bench.sanoid(adding: "recursive = zfs")
            }
        case .pruningMissing:
            return PlantedFault(sections: "[tank/VM]\nstrategy = memory") { try $0.sanoid(without: "pruning_script") }
        case .templateMissing: return PlantedFault { try $0.sanoid(adding: "use_template = vmz") }
        case .managerUnconfigured:
            return PlantedFault {
                unlink($0.scratch.path + "/sanoid/sanoid.conf")
                try $0.program("usr/sbin/sanoid")
            }
        case .datasetUnmanaged:
            return PlantedFault { bench in
                let host = bench.pool.host
                bench.bench.has(host.web(), host.machine("mail", host.disk("vda", "tank/other/mail.raw")))
            }
        case .disksApart:
            return PlantedFault { bench in
                let host = bench.pool.host
                let disks = (host.disk("vda", "tank/VM/db.raw"), host.disk("vdb", "tank/other/db.raw"))
                bench.bench.has(host.machine("db", disks.0, disks.1))
                try bench.sanoid("[tank/VM]\n\(bench.lines)[tank/other]\n\(bench.lines)")
            }
        case .managedDatasetMissing:
            return PlantedFault { try $0.sanoid("[tank/VM]\n\($0.lines)[tank/gone]\n\($0.lines)") }
        case .managerServiceUnfit:
            return PlantedFault {
                try $0.systemd(soundUnits.merging(["sanoid.service": "TimeoutStartUSec=1min 30s\nUser="]) { $1 })
            }
        default: return nil
        }
    }

    static let soundUnits = Dictionary(
        uniqueKeysWithValues: [
            "stillpoint-recover.service", "stillpoint-recover.timer", "stillpoint-hold-autostart.service",
        ].map { ($0, "UnitFileState=enabled") })

    private static func ofRuns(_ code: FindingCode) -> PlantedFault? {
        switch code {
        case .runAbandoned:
            return PlantedFault {
                try $0.bench.directory.prepare()
                try $0.bench.directory.write(makeRun(PoolBench.run, machines: [makeRecord("web01")]))
            }
        case .runOpen:
            return PlantedFault {
                try $0.bench.directory.prepare()
                try $0.bench.directory.write(makeRun(.make(), machines: [makeRecord("web01")]))
            }
        case .overlayLeft:
            return PlantedFault { bench in
                bench.pool.world.change {
                    $0.leftovers = {
                        [
                            Leftover(
                                run: PoolBench.run.text, machineID: "id-of-web01", machineName: "web01",
                                freezeState: someHold)
                        ]
                    }
                }
            }
        case .restoreLeft:
            return PlantedFault { try $0.pool.pool.add("tank/web02", [RestoreTrace.property: PoolBench.run.text]) }
        case .stateUnreadable: return stateFile("{")
        case .stateNewer: return stateFile(#"{"format": 99}"#)
        case .archiveWaiting, .archiveOverdue:
            return PlantedFault(general: "cold_storage = SCRATCH/cold") {
                let run = code == .archiveWaiting ? RunID.make() : PoolBench.run
                _ = try $0.dump(run: run)
                try $0.pool.catalogue.markForArchive(run)
            }
        case .dumpNotArchived: return PlantedFault { _ = try $0.dump(problem: "the disk is full") }
        case .dumpMissing: return PlantedFault { unlink(try $0.dump().path) }
        case .catalogueUnreadable:
            return PlantedFault {
                try $0.bench.directory.prepare()
                try $0.scratch.write("state/restore-points/\(PoolBench.run).json", "{", mode: 0o600)
            }
        default: return nil
        }
    }

    private static func stateFile(_ text: String) -> PlantedFault {
        PlantedFault {
            try $0.bench.directory.prepare()
            try $0.scratch.write("state/runs/\(PoolBench.run).json", text, mode: 0o600)
        }
    }

    private static func ofHost(_ code: FindingCode) -> PlantedFault? {
        switch code {
        case .unitDisabled:
            return PlantedFault {
                let disabled = ["stillpoint-recover.timer": "UnitFileState=disabled"]
                try $0.systemd(soundUnits.merging(disabled) { $1 })
            }
        case .notRoot:
            return PlantedFault {
                $0.user = ProgramUser(id: 1000, may: { _, _ in true }, reaches: { _ in true })
            }
        case .zfsMissing: return PlantedFault { unlink($0.scratch.path + "/bin/zfs") }
        case .zfsSilent:
            return PlantedFault {
                try $0.scratch.write("bin/zfs", "#!/bin/sh\nexec sleep 30\n", mode: 0o755)
                $0.zfsTimeout = .milliseconds(300)
            }
        case .checkUnfinished: return PlantedFault { try $0.scratch.write("state/runs", "no folder") }
        default: return nil
        }
    }

    private static func ofMonitoring(_ code: FindingCode) -> PlantedFault? {
        switch code {
        case .metricsFileUnusable: PlantedFault(general: "metrics_file = SCRATCH/nowhere/stillpoint.prom")
        case .metricsFileUnread: PlantedFault(general: "metrics_file = SCRATCH/overlays/stillpoint.txt")
        case .mailUnsendable: PlantedFault(general: "mail_to = root")
        case .nobodyTold:
            PlantedFault {
                try $0.bench.reconfigure { text in
                    text.split(separator: "\n").filter { !$0.hasPrefix("metrics_file") }.joined(separator: "\n")
                }
            }
        case .reportsWaiting:
            PlantedFault {
                for second in 10...20 {
                    try $0.scratch.write("state/outbox/20261121T1100\(second)Z-1f3c9a.json", "{}", mode: 0o600)
                }
            }
        case .problemProgramUnusable: PlantedFault(general: "on_problem = /nonexistent/program")
        default: nil
        }
    }
}
