/// What the values of a key may be: how they are read, and how the reference tells of them.
struct KeyType<Value> {
    /// What may be written: `absolute path`.
    let summary: Summary
    let parse: (String) throws(BadValue) -> Value
    /// Adds a further value of a key that may stand several times; nil: it may not.
    var add: ((Value, inout Value) throws(BadValue) -> Void)?
}

/// What the reference says of a type of values; made up when it is asked for.
enum Summary {
    case text(String)
    case range(ClosedRange<Int>, of: String = "")
    case words(() -> [String], note: String = "")
}

/// Why a value is refused, after `KEY = 'VALUE': `.
struct BadValue: Error {
    let wanted: String
    /// Whether the value may hold a secret, and so is in no message.
    var isSecret = false
}

extension KeyType {
    /// A value that may be left unset.
    static func optional<Wrapped>(_ type: KeyType<Wrapped>) -> Self where Value == Wrapped? {
        Self(summary: type.summary, parse: { text throws(BadValue) in try type.parse(text) })
    }
}

extension KeyType<String> {
    static func text(_ summary: String) -> Self {
        Self(summary: .text(summary), parse: { text throws(BadValue) in text })
    }

    /// An absolute path, read without a slash at its end.
    static var path: Self {
        Self(
            summary: .text("absolute path"),
            parse: { text throws(BadValue) in
                guard text.hasPrefix("/") else { throw BadValue(wanted: "must be an absolute path") }
                var path = text
                while path.count > 1, path.hasSuffix("/") { path.removeLast() }
                return path
            })
    }

    static func word(of words: [String]) -> Self {
        Self(
            summary: .words { words },
            parse: { text throws(BadValue) in
                guard words.contains(text) else { throw BadValue.unknown(text, among: words) }
                return text
            })
    }
}

extension KeyType<Int> {
    static func integer(_ range: ClosedRange<Int>) -> Self {
        Self(summary: .range(range), parse: { text throws(BadValue) in try number(text, in: range) })
    }
}

extension KeyType<Bool> {
    static var yesOrNo: Self {
        let words = ["yes", "no"]
        return Self(
            summary: .words { words },
            parse: { text throws(BadValue) in
                // No guess: `on` is as near to `no`.
                guard words.contains(text) else { throw BadValue(wanted: "valid: yes, no") }
                return text == "yes"
            })
    }
}

extension KeyType<Duration> {
    static func seconds(_ range: ClosedRange<Int>) -> Self {
        Self(
            summary: .range(range, of: "seconds, "),
            parse: { text throws(BadValue) in .seconds(try number(text, in: range, of: "seconds, ")) })
    }
}

private func number(_ text: String, in range: ClosedRange<Int>, of what: String = "") throws(BadValue) -> Int {
    guard let number = Int(text), range.contains(number) else {
        throw BadValue(wanted: "must be \(what)a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
}

extension KeyType where Value: RawRepresentable & CaseIterable & Sendable, Value.RawValue == String {
    static var choice: Self {
        Self(summary: .words { Value.allCases.map(\.rawValue) }, parse: word)
    }

    /// The choice that a word names.
    static func word(_ text: String) throws(BadValue) -> Value {
        guard let choice = Value(rawValue: text) else { throw .unknown(text, among: Value.allCases.map(\.rawValue)) }
        return choice
    }
}

extension BadValue {
    /// A word that is none of those, with the one that is likely to be meant.
    static func unknown(_ word: String, among valid: [String]) -> BadValue {
        let hint = nearest(to: word, among: valid).map { "did you mean '\($0)'?" }
        return BadValue(wanted: hint ?? "valid: \(valid.joined(separator: ", "))")
    }
}
