internal import DiskLocation
internal import Hypervisor

/// A disk of a domain and the images that it uses.
struct DiskChain: Sendable, Equatable {
    /// The guest's name for it; another one than at the freeze, where it was detached and attached again.
    let target: String
    /// Its images from the one that is written to the last one below it.
    let chain: [String]
    /// The block job that copies it somewhere.
    var mirror: DomainDisk.Mirror?
}

extension DomainDescription {
    /// The disks as the XML has them; that of a running domain has whole chains.
    var chains: [DiskChain] {
        disks.map { DiskChain(target: $0.disk.target, chain: $0.disk.chain, mirror: $0.mirror) }
    }

    /// The disks with what the images themselves say is below them: the XML of a domain that is off seldom knows.
    func chainsWithBackingFiles() -> [DiskChain] {
        disks.map { disk in
            let chain = disk.disk.chain
            guard chain.count == 1, let top = chain.first else {
                return DiskChain(target: disk.disk.target, chain: chain)
            }
            let below = ImageChain.layers(below: top, format: disk.disk.format)
            return DiskChain(target: disk.disk.target, chain: chain + below.map(\.path))
        }
    }
}

extension [DiskChain] {
    /// The disk that has the image anywhere in its chain.
    func first(using image: String) -> DiskChain? {
        first { $0.chain.contains(image) }
    }
}

extension [String] {
    func image(below path: String) -> String? {
        firstIndex(of: path).flatMap { indices.contains($0 + 1) ? self[$0 + 1] : nil }
    }

    func image(above path: String) -> String? {
        firstIndex(of: path).flatMap { $0 > 0 ? self[$0 - 1] : nil }
    }
}
