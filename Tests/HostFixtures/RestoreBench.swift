package import Engine
package import Hypervisor
package import Operator
package import RunState
import Synchronization
import TestSupport
import ZFS

/// What was asked of the fake hypervisor's `restore`, and what the disks held then.
package final class RestoreRecorder: Sendable {
    package struct Seen: Sendable {
        package let request: RestoreRequest
        package let disks: [String]
        package let ram: String?
    }

    private let all = Mutex<[Seen]>([])
    package var seen: [Seen] { all.withLock { $0 } }
    package var only: Seen { get throws { try required(seen.count == 1 ? seen.first : nil) } }

    func note(_ request: RestoreRequest, disks: [String]) throws {
        let paths = request.moves.isEmpty ? disks : request.moves.map(\.to)
        let seen = Seen(
            request: request, disks: try paths.map { String(decoding: try readFile($0), as: UTF8.self) },
            ram: try request.ramDump.map { String(decoding: try readFile($0), as: UTF8.self) })
        all.withLock { $0.append(seen) }
    }
}

extension PoolBench {
    package static let guestRAM = String(repeating: "RAM ", count: 5000)

    /// An image of a VM on a dataset that is mounted in the scratch folder at its own name.
    package func image(
        _ name: String = "web01.raw", on dataset: String = "tank/VM", isWritten: Bool = true, format: String? = "raw"
    ) throws -> SavedImage {
        SavedImage(
            target: "vda", path: "\(scratch.path)/\(dataset)/\(name)", dataset: try DatasetName(dataset),
            relativePath: name, isWritten: isWritten, format: format)
    }

    /// Keeps a VM's definition in what a snapshot holds, with its disks of then.
    package func snapshot(
        _ snapshot: String = "tank/VM@daily", _ name: String = "web01", id: String? = nil, images: [SavedImage]? = nil,
        isSealed: Bool = true
    ) throws {
        if try !pool.names().contains(snapshot) { try pool.add(snapshot) }
        let images = try images ?? [image()]
        let kept = SavedDefinition(
            hypervisor: "local", id: id ?? "id-of-\(name)", name: name, images: images, files: ["nvram"])
        let folder = "snapshots/\(snapshot)/.stillpoint/\(SavedDefinition.folderName(of: kept.id))"
        try scratch.write("\(folder)/definition.xml", "<definition of \(name)>")
        try scratch.write("\(folder)/files/nvram", "variables")
        try scratch.write("\(folder)/machine.json", StateFile.text(kept))
        if isSealed { try seal(folder) }
        for image in images where snapshot.hasPrefix(image.dataset.rawValue + "@") {
            try scratch.write("snapshots/\(snapshot)/\(image.relativePath ?? "")", "old \(image.relativePath ?? "")")
        }
    }

    /// Seals what is kept in a folder as this host does.
    package func seal(_ folder: String, by keys: [SealingKey]? = nil) throws {
        let bytes = { (name: String) in try readFile("\(scratch.path)/\(folder)/\(name)") }
        var content = try SealedContent(machine: bytes("machine.json"), definition: bytes("definition.xml"))
        try content.add("files/nvram", bytes("files/nvram"))
        try bench.directory.prepare()
        let seal = Seal(content, by: try keys ?? catalogue.seals.own().all)
        try scratch.write("\(folder)/seal", StateFile.text(seal))
    }

    /// web01 as it is now, on its disk on tank/VM, and the same in the snapshot tank/VM@daily with its RAM.
    package func web(_ consistency: Consistency = .memory, isArchived: Bool = true) throws {
        try snapshot()
        try scratch.write("tank/VM/web01.raw", "new web01.raw")
        try scratch.write("tank/VM/.stillpoint/id-of-web01/machine.json", "kept by a later run")
        bench.has(host.web())
        let hasDump = consistency == .memory
        try keep([keptMachine("web01", consistency, dump: hasDump ? dump("web01", Self.guestRAM) : nil)])
        if hasDump, isArchived {
            try catalogue.markForArchive(Self.run)
            try required(try archiver().run())
        }
    }

    /// From now on restores are recorded; `fails` makes them fail afterwards.
    package func recorder(disks: [String] = ["tank/VM/web01.raw"], fails: Bool = false) -> RestoreRecorder {
        let recorder = RestoreRecorder()
        let paths = disks.map { "\(scratch.path)/\($0)" }
        world.change { behaviour in
            behaviour.restore = { request in
                try recorder.note(request, disks: paths)
                if fails { throw HypervisorError(.callFailed, "the back end says no", remedy: .stop) }
                return VirtualMachine(id: "new", name: request.newName ?? "web01", power: .running, disks: [])
            }
        }
        return recorder
    }

    package func restore(
        _ snapshot: String = "tank/VM@daily", _ machine: String = "web01", to target: RestoreOptions.Target,
        _ change: (inout RestoreOptions) -> Void = { _ in }
    ) async -> ExitCode {
        var options = RestoreOptions(snapshot: snapshot, machine: machine, target: target)
        change(&options)
        return await operating.restore(options)
    }

    /// What restores have left; a failed one must leave nothing: no clone, no copy of RAM, no open run, no copied image.
    package var leftByRestores: [String] {
        get throws {
            try pool.clones()
                + scratch.names(in: "ram").filter { $0.hasPrefix("restore-") }
                + bench.directory.openRunIDs().map(\.text)
                + scratch.names(in: "tank/VM").filter { $0.contains(".before-") || $0.contains(".stillpoint-new") }
        }
    }
}
