internal import Hypervisor
internal import Storage

extension Disk {
    /// All its images: libvirt lists the backing images of a running domain; for one that is off they are read from the
    /// images themselves.
    func wholeChain(power: VirtualMachine.PowerState) -> [String] {
        let longest = 32
        var chain = chain
        guard power == .off, format == "qcow2", chain.count == 1 else { return chain }
        while let last = chain.last, chain.count < longest, let below = try? ImageChain.backingFile(of: last) {
            chain.append(below)
        }
        return chain
    }
}
