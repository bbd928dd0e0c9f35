/// A name as its owner wrote it: the API keeps `/`, `\` and `%` of the names of VMs, datastores and snapshots as `%2f`,
/// `%5c` and `%25` (ManagedEntity.name). Once: a VM may be called `50%25`. Paths of files are not escaped.
func unescaped(_ name: String) -> String {
    var result: [UInt8] = []
    var rest = Array(name.utf8)[...]
    while let byte = rest.popFirst() {
        switch (byte, rest.prefix(2).map { $0 | 0x20 }) {
        case (UInt8(ascii: "%"), Array("2f".utf8)): result.append(UInt8(ascii: "/"))
        case (UInt8(ascii: "%"), Array("5c".utf8)): result.append(UInt8(ascii: "\\"))
        case (UInt8(ascii: "%"), [0x32, 0x35]): result.append(UInt8(ascii: "%"))
        default:
            result.append(byte)
            continue
        }
        rest = rest.dropFirst(2)
    }
    return String(decoding: result, as: UTF8.self)
}
