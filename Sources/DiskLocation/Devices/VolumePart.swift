internal import Support
public import ZFS

/// What of a volume a device is.
public enum VolumePart: Sendable, Hashable, RawRepresentable, Codable {
    /// All of it.
    case whole
    /// One of its partitions, by number.
    case partition(Int)
    /// What others make of it: device-mapper (dm-crypt, LVM), md, a loop device.
    case stacked

    /// Reads `whole`, `stacked`, `partition 2`.
    public init?(rawValue: String) {
        switch rawValue {
        case "whole": self = .whole
        case "stacked": self = .stacked
        default:
            let prefix = "partition "
            let digits = rawValue.dropFirst(prefix.count)
            guard rawValue.hasPrefix(prefix), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(digits), number > 0
            else { return nil }
            self = .partition(number)
        }
    }

    /// As `init(rawValue:)` reads it.
    public var rawValue: String {
        switch self {
        case .whole: "whole"
        case .stacked: "stacked"
        case .partition(let number): "partition \(number)"
        }
    }
}

extension DatasetName {
    /// The link that udev makes to a volume's device, or to a partition's.
    ///
    /// It cannot have a blank; zvol_id, which names it, writes a plus sign (OpenZFS, 60-zvol.rules).
    public func volumeLink(_ part: VolumePart = .whole, dev: String = "/dev") -> String {
        let link = "\(dev)/zvol/" + String(rawValue.map { $0 == " " ? "+" : $0 })
        return if case .partition(let number) = part { "\(link)-part\(number)" } else { link }
    }

    /// What of this volume a path means by its name alone: `/dev/zvol/POOL/NAME-part1`, `/dev/POOL/NAME`, `/dev/zd16p1`.
    /// Nil where the name does not tell.
    public func volumePart(named path: String, dev: String = "/dev") -> VolumePart? {
        for link in [volumeLink(dev: dev), "\(dev)/" + volumeLink(dev: "").dropFirst("/zvol/".count)] {
            guard path.hasPrefix(link) else { continue }
            let rest = path.dropFirst(link.count)
            if rest.isEmpty { return .whole }
            if rest.hasPrefix("-part"), let part = Self.partition(rest.dropFirst("-part".count)) { return part }
        }
        let name = FileAccess.lastComponent(path)
        guard path == "\(dev)/\(name)" else { return nil }
        return ZvolTable.part(ofDevice: name)
    }

    private static func partition(_ digits: Substring) -> VolumePart? {
        VolumePart(rawValue: "partition \(digits)")
    }
}

extension ZvolTable {
    /// What a device is by the kernel's name of it: `zd16`, `zd16p1`; nil for another one.
    static func part(ofDevice name: String) -> VolumePart? {
        if isWholeDisk(name) { return .whole }
        guard let mark = name.lastIndex(of: "p"), isWholeDisk(String(name[..<mark])) else { return nil }
        return VolumePart(rawValue: "partition \(name[name.index(after: mark)...])")
    }
}
