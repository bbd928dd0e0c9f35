internal import Bounds
internal import Configuration
internal import DiskLocation
internal import Engine
internal import Hypervisor
internal import RAMArchive
internal import Support
internal import ZFS

/// Whether there is room for the overlays of one run, as large as they were lately; and for RAM dumps.
struct OverlayRoomCheck: CheckTheme {
    /// Of what was written lately.
    private static let margin: UInt64 = 2

    let site: CheckedSite
    var subject: String { "the room for overlays and RAM dumps" }
    private var configuration: Configuration { site.configuration }

    func findings() async throws -> [Finding] {
        let measured = try await blocking("asking for the room in the folders", within: .seconds(60)) {
            try overlays() + dumps() + archive()
        }
        var findings: [Finding] = []
        for (finding, folder) in measured {
            let quota = await quota(at: folder)
            findings.append(Finding(finding.code, finding.what + quota.text, fix: quota.fix ?? finding.fix))
        }
        return findings
    }

    private typealias Measured = (finding: Finding, folder: String)

    private func overlays() throws -> [Measured] {
        let local = site.runs.map { run in
            (run.target, run.plans.filter { $0.hasLocalOverlays && $0.mayMoveDisks })
        }
        var found = check(local, configuration.overlayDirectory)
        for directory in Set(site.plans.compactMap(\.hypervisor.mappedOverlayDirectory)).sorted() {
            let theirs = site.runs.map { run in
                (run.target, run.plans.filter { $0.mayMoveDisks && $0.hypervisor.mappedOverlayDirectory == directory })
            }
            found += check(theirs, directory)
        }
        return found
    }

    private func check(_ runs: [(DatasetName, [PlannedVM])], _ directory: String) -> [Measured] {
        let needs = runs.compactMap { target, plans in
            site.overlays.sum(of: plans.map(\.key)).map { (target: target, bytes: $0) }
        }
        guard let largest = needs.max(by: { $0.bytes < $1.bytes }), largest.bytes > 0,
            let room = try? FreeSpace.fillable(at: directory)
        else { return [] }
        let code: FindingCode
        switch largest.bytes {
        case let bytes where bytes > room: code = .overlayRoomLacking
        case let bytes where bytes.times(Self.margin) > room: code = .overlayRoomTight
        default: return []
        }
        let finding = Finding(
            code,
            "overlay_dir \(directory) has room for \(formattedBytes(room)), and the VMs of \(largest.target) wrote "
                + "\(formattedBytes(largest.bytes)) during snapshots lately", fix: "make room, or set overlay_dir")
        return [(finding, directory)]
    }

    /// RAM of all VMs that are dumped by one run.
    private func dumps() throws -> [Measured] {
        let directory = configuration.ramDirectory
        guard let largest = dumped.max(by: { $0.bytes < $1.bytes }), let room = try? FreeSpace.fillable(at: directory),
            largest.bytes > room
        else { return [] }
        let finding = Finding(
            .ramRoomLacking,
            "ram_dir \(directory) has room for \(formattedBytes(room)), and the RAM of \(largest.names), dumped together by "
                + "a run on \(largest.target), is \(formattedBytes(largest.bytes))",
            fix: "make room, set ram_dir, or give fewer VMs strategy = memory")
        return [(finding, directory)]
    }

    private func archive() throws -> [Measured] {
        guard let cold = configuration.coldStorage, let largest = dumped.max(by: { $0.bytes < $1.bytes }),
            let room = try? FreeSpace.available(at: cold).availableBytes
        else { return [] }
        // What zstd makes of a guest's RAM is seldom more than half.
        let packed = configuration.ramCompression == .zstd ? largest.bytes / 2 : largest.bytes
        guard packed > room else { return [] }
        let finding = Finding(
            .coldRoomTight,
            "cold_storage \(cold) has room for \(formattedBytes(room)), and one run on \(largest.target) dumps "
                + "\(formattedBytes(largest.bytes)) of RAM", fix: "make room, or set cold_storage")
        return [(finding, cold)]
    }

    private var dumped: [(target: DatasetName, bytes: UInt64, names: String)] {
        site.runs.compactMap { run in
            let plans = run.plans.filter {
                $0.hasLocalOverlays && $0.strategies.contains(.memory) && !$0.machine.power.isAtRest
            }
            guard !plans.isEmpty else { return nil }
            let bytes = plans.reduce(UInt64(0)) { $0.plus(RAMSpaceBudget.needed(for: $1.machine.memory)) }
            return (run.target, bytes, shortList(plans.map { printable($0.machine.name) }))
        }
    }

    /// That it is a quota which leaves so little, and the command that raises it.
    private func quota(at folder: String) async -> (text: String, fix: String?) {
        guard let zfs = site.zfs, let dataset = (try? site.storage.locate(folder))?.datasets.first else {
            return ("", nil)
        }
        for name in ["refquota", "quota"] {
            guard let value = (try? await zfs.property(name, of: dataset)).flatMap({ $0 }).flatMap({ UInt64($0) }),
                value > 0
            else { continue }
            return (
                "; the \(name) of \(dataset) is \(formattedBytes(value))",
                "make room, or: zfs set \(name)=none \(shellQuoted(dataset.rawValue))"
            )
        }
        return ("", nil)
    }
}
