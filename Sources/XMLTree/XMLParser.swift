private import CExpat

/// Why a text is not XML.
public struct XMLError: Error, Sendable, CustomStringConvertible {
    /// Line in the text, from 1.
    public let line: Int
    /// What expat, or the size limit, found wrong.
    public let message: String

    /// Line and message.
    public var description: String { "line \(line): \(message)" }
}

extension XMLElement {
    /// The root element of a document.
    ///
    /// A document type declaration is refused: neither libvirt nor vSphere sends one, and entity bombs need one.
    /// - Parameter limit: the most bytes that are accepted.
    public static func parse(_ text: String, limit: Int = 16 << 20) throws(XMLError) -> XMLElement {
        guard text.utf8.count <= limit else {
            throw XMLError(line: 1, message: "document of \(text.utf8.count) bytes exceeds the limit of \(limit)")
        }
        guard let parser = XML_ParserCreate("UTF-8") else {
            throw XMLError(line: 0, message: "out of memory")
        }
        defer { XML_ParserFree(parser) }
        let builder = TreeBuilder()
        XML_SetUserData(parser, Unmanaged.passUnretained(builder).toOpaque())
        XML_SetElementHandler(parser, startElement, endElement)
        XML_SetCharacterDataHandler(parser, characterData)
        XML_SetStartDoctypeDeclHandler(parser, refuseDoctype)
        // Handlers get the builder; the one that refuses needs the parser.
        builder.parser = parser
        let status = withExtendedLifetime(builder) {
            var copy = text
            return copy.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) { XML_Parse(parser, $0.baseAddress, Int32($0.count), 1) }
            }
        }
        guard status == XML_STATUS_OK, let root = builder.root else {
            let line = Int(XML_GetCurrentLineNumber(parser))
            guard !builder.hasDoctype else {
                throw XMLError(line: line, message: "a document type declaration is not accepted")
            }
            let reason = XML_ErrorString(XML_GetErrorCode(parser)).map { String(cString: $0) } ?? "not XML"
            throw XMLError(line: line, message: reason)
        }
        return root
    }
}

private final class TreeBuilder {
    var open: [XMLElement] = []
    var root: XMLElement?
    var parser: XML_Parser?
    var hasDoctype = false
    // expat hands text over in pieces.
    private var text = ""

    func begin(_ element: XMLElement) {
        endText()
        open.append(element)
    }

    func close() {
        endText()
        guard let element = open.popLast() else { return }
        if open.isEmpty {
            root = element
        } else {
            open[open.count - 1].content.append(.element(element))
        }
    }

    func append(_ piece: String) {
        text += piece
    }

    private func endText() {
        guard !text.isEmpty else { return }
        if !open.isEmpty { open[open.count - 1].content.append(.text(text)) }
        text = ""
    }

    static func of(_ userData: UnsafeMutableRawPointer?) -> TreeBuilder? {
        userData.map { Unmanaged<TreeBuilder>.fromOpaque($0).takeUnretainedValue() }
    }
}

// Free functions, not closures: Swift 6 must not take a C callback for isolated code.

private nonisolated func startElement(
    _ userData: UnsafeMutableRawPointer?, _ name: UnsafePointer<XML_Char>?,
    _ attributes: UnsafeMutablePointer<UnsafePointer<XML_Char>?>?
) {
    guard let builder = TreeBuilder.of(userData), let name else { return }
    var list: [XMLElement.Attribute] = []
    if var next = attributes {
        while let key = next[0], let value = next[1] {
            list.append(XMLElement.Attribute(name: String(cString: key), value: String(cString: value)))
            next += 2
        }
    }
    builder.begin(XMLElement(name: String(cString: name), attributes: list))
}

private nonisolated func endElement(_ userData: UnsafeMutableRawPointer?, _ name: UnsafePointer<XML_Char>?) {
    TreeBuilder.of(userData)?.close()
}

private nonisolated func characterData(
    _ userData: UnsafeMutableRawPointer?, _ text: UnsafePointer<XML_Char>?, _ length: Int32
) {
    guard let builder = TreeBuilder.of(userData), let text else { return }
    let bytes = UnsafeRawBufferPointer(start: text, count: Int(length))
    builder.append(String(decoding: bytes, as: UTF8.self))
}

private nonisolated func refuseDoctype(
    _ userData: UnsafeMutableRawPointer?, _ name: UnsafePointer<XML_Char>?, _ systemID: UnsafePointer<XML_Char>?,
    _ publicID: UnsafePointer<XML_Char>?, _ hasInternalSubset: Int32
) {
    guard let builder = TreeBuilder.of(userData) else { return }
    builder.hasDoctype = true
    _ = XML_StopParser(builder.parser, XML_Bool(XML_FALSE))
}
