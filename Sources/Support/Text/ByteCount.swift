/// Bytes in the largest unit of which there is one: `90.8M`.
public func formattedBytes(_ bytes: UInt64) -> String {
    var value = Double(bytes)
    for unit in ["B", "K", "M", "G", "T"] {
        if value < 1024 || unit == "T" {
            return unit == "B" ? "\(bytes)B" : "\((value * 10).rounded() / 10)\(unit)"
        }
        value /= 1024
    }
    return "\(bytes)B"
}
