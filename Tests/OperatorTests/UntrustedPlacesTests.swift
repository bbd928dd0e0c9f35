import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import TestSupport
import Testing

@testable import Engine
@testable import Operator

@Suite("A place that others could change", .serialized)
struct UntrustedPlacesTests {
    enum Place: String, CaseIterable {
        case configuration = "stillpoint.conf"
        case state, overlays, ram, cold
        case sanoid = "sanoid/sanoid.conf"
        case sanoidFolder = "sanoid"

        /// The key in the configuration that names it.
        var key: String {
            switch self {
            case .configuration, .sanoid, .sanoidFolder: ""
            case .state: "state_dir"
            case .overlays: "overlay_dir"
            case .ram: "ram_dir"
            case .cold: "cold_storage"
            }
        }
    }

    enum Fault: CaseIterable { case writable, strangers }

    @Test(
        "is not used by pre-snapshot, which says whose it is and what to run", arguments: Place.allCases, Fault.allCases
    )
    func pre(place: Place, fault: Fault) async throws {
        try await withBench(general: "strategy = memory\ncold_storage = SCRATCH/cold") { bench, host async throws in
            bench.has(host.web())
            for folder in ["state", "ram", "cold"] { chmod(try bench.scratch.folder(folder), 0o711) }
            try bench.scratch.write("sanoid/sanoid.conf", "[tank/VM]\nscript_timeout = 60\n")
            let path = "\(bench.scratch.path)/\(place.rawValue)"
            switch fault {
            case .writable: chmod(path, place == .sanoid || place == .configuration ? 0o666 : 0o777)
            case .strangers: try bench.scratch.giveAway(place.rawValue)
            }
            let sanoid = [
                "SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "autosnap_1_daily", "SANOID_SCRIPT": "pre",
            ]
            #expect(await bench.run(.pre, [], environment: sanoid) == .usage)
            #expect(bench.world.count("freeze") == 0)
            let text = bench.log.text
            #expect(
                text.contains(fault == .writable ? "run: chmod go-w \(path)" : "run: chown root \(path)"), "\(text)")
            #expect(text.contains(place.key), "\(text)")
        }
    }

    @Test(
        "is neither restored from nor pruned in", arguments: [Place.ram, .cold], Fault.allCases)
    func dumps(place: Place, fault: Fault) async throws {
        try await withPool { pool async throws in
            try pool.web()
            let path = "\(pool.scratch.path)/\(place.rawValue)"
            switch fault {
            case .writable: chmod(path, 0o777)
            case .strangers: try pool.scratch.giveAway(place.rawValue)
            }
            let cold = Canary(pool.cold)
            #expect(await pool.restore(to: .inPlace) == .usage)
            #expect(await pool.operating.prune(["tank/VM@daily"], orphans: true, dryRun: false) == .usage)
            #expect(await pool.bench.run(.prune) == .usage)
            let fix = fault == .writable ? "run: chmod go-w \(path)" : "run: chown root \(path)"
            let said = pool.log.lines.filter { $0.contains(fix) && $0.contains(place.key) }
            #expect(said.count == 3, "\(pool.log.text)")
            #expect(pool.world.count("stop") == 0)
            #expect(Canary(pool.cold) == cold)
        }
    }
}
