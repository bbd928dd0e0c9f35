@testable import Stillpoint

/// `"1"` stands for a whole id that ends in it.
extension RunID: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) {
        let whole =
            text.utf8.count > 6 ? text : "20200101T000000Z-" + String(repeating: "0", count: 6 - text.utf8.count) + text
        guard let id = RunID(whole) else { fatalError("\(text) is no run's id") }
        self = id
    }
}
