/// `a, b, c and 5 more`: of names that a message need not have all of.
public func shortList(_ names: [String], most: Int = 5) -> String {
    let shown = names.prefix(most).joined(separator: ", ")
    return names.count > most ? "\(shown) and \(names.count - most) more" : shown
}
