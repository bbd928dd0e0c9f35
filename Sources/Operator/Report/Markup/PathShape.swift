/// What a path of SVG draws, made of numbers alone.
struct PathShape: Sendable {
    private(set) var text = ""

    mutating func move(_ x: Double, _ y: Double) { text += "M\(decimalText(x)) \(decimalText(y))" }
    mutating func vertical(to y: Double) { text += "V\(decimalText(y))" }
    mutating func horizontal(to x: Double) { text += "H\(decimalText(x))" }
}
