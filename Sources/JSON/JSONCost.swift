internal import Bounds

/// Sees before anything is built of a text that it is not too large, too deep, or of too many values.
///
/// A value takes some hundred bytes in memory and one or two in the text. Only brackets and commas outside strings count
/// here: what is no JSON at all is the parser's to find.
/// - Throws: JSONError `.tooLarge`.
func checkCost(of bytes: [UInt8], within budget: Budget) throws(JSONError) {
    do throws(BudgetError) {
        var budget = budget
        try budget.spend(bytes: bytes.count)
        // With a comma or a bracket at each, values have two bytes.
        let areValuesFew = bytes.count / 2 < budget.nodes
        if areValuesFew && bytes.count / 2 < budget.depth { return }
        try count(bytes, &budget)
    } catch {
        throw JSONError(.tooLarge, error.message)
    }
}

/// Spends a node for each value there may be, as far as there are any left, and finds how deep it lies.
private func count(_ bytes: [UInt8], _ budget: inout Budget) throws(BudgetError) {
    var (values, depth) = (1, 0)
    var isString = false
    var isEscaped = false
    for byte in bytes {
        if isString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isString = false
            }
            continue
        }
        switch byte {
        case UInt8(ascii: "\""): isString = true
        case UInt8(ascii: ","): values += 1
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            values += 1
            depth += 1
            try budget.enter(level: depth)
        case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
        default: break
        }
        if values > budget.nodes { break }
    }
    try budget.spend(nodes: values)
}
