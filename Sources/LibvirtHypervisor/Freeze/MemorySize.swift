internal import XMLTree

/// Bytes of a `<memory unit='…'>`; nil where it is no number, the unit is unknown, or it does not fit.
///
/// Units as libvirt's virScaleInteger takes them, in any case of letters: KiB where none is given, `KB` is 1000 bytes.
func memorySize(_ element: XMLElement) -> UInt64? {
    guard let amount = UInt64(element.text), let factor = factor(of: (element["unit"] ?? "KiB").lowercased()) else {
        return nil
    }
    let (bytes, overflow) = amount.multipliedReportingOverflow(by: factor)
    return overflow ? nil : bytes
}

private func factor(of unit: String) -> UInt64? {
    if ["", "b", "byte", "bytes"].contains(unit) { return unit.isEmpty ? 1024 : 1 }
    guard let letter = unit.first, let power = Array("kmgtpe").firstIndex(of: letter) else { return nil }
    let base: UInt64
    switch unit.dropFirst() {
    case "", "ib": base = 1024
    case "b": base = 1000
    default: return nil
    }
    return (0...power).reduce(1) { factor, _ in factor * base }
}
