package import Hypervisor
internal import Support
internal import TestSupport

extension PoolBench {
    /// A running VM with so much RAM and one disk on tank/VM.
    package func machine(_ name: String = "web01", memory: UInt64 = 1 << 20) -> VirtualMachine {
        let web = host.web(name)
        return VirtualMachine(id: web.id, name: name, power: .running, disks: web.disks, memory: memory)
    }

    /// From now on a memory freeze writes a dump, and other freezes are quiesced.
    package func dumps() {
        let folder = scratch.path + "/ram"
        world.change { behaviour in
            behaviour.freeze = { request, record in
                try await FakeWorld.freezeState(request, record)
                guard request.strategy == .memory else { return FreezeResult(consistency: .quiesced) }
                let path = "\(folder)/\(request.machine.name)-\(request.run).ram"
                try replaceFile(at: path, with: Array(PoolBench.guestRAM.utf8))
                return FreezeResult(
                    consistency: .memory, ramDump: RAMDump(path: path, bytes: UInt64(PoolBench.guestRAM.utf8.count)),
                    pausedFor: .milliseconds(12))
            }
        }
    }
}
