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
        guard text.utf8.count <= limit else { throw XMLError(tooLong: text.utf8.count, limit: limit) }
        guard let parser = XML_ParserCreate("UTF-8") else { throw XMLError.noMemory }
        defer { XML_ParserFree(parser) }
        let builder = TreeBuilder(parser)
        var copy = text
        return try builder.parse { body in copy.withUTF8 { body(UnsafeRawBufferPointer($0)) } }
    }

    /// The root element of a document from a server, its names resolved: whichever prefixes the server chose, an
    /// element of the namespace `home` or of none has its plain name, any other is `{namespace}name`. So it is with
    /// attributes.
    ///
    /// - Parameter limit: the most bytes that are accepted; depth and number of elements are bounded besides.
    public static func parse(
        _ bytes: [UInt8], namespace home: String, limit: Int = 64 << 20
    ) throws(XMLError) -> XMLElement {
        guard bytes.count <= limit else { throw XMLError(tooLong: bytes.count, limit: limit) }
        guard let parser = XML_ParserCreateNS(nil, XML_Char(bitPattern: TreeBuilder.separator)) else {
            throw XMLError.noMemory
        }
        defer { XML_ParserFree(parser) }
        let builder = TreeBuilder(parser)
        builder.home = Array(home.utf8) + [TreeBuilder.separator]
        builder.deepest = 200
        builder.most = 2_000_000
        return try builder.parse { body in bytes.withUnsafeBytes(body) }
    }
}

extension XMLError {
    fileprivate init(tooLong count: Int, limit: Int) {
        self.init(line: 1, message: "document of \(count) bytes exceeds the limit of \(limit)")
    }

    fileprivate static var noMemory: XMLError { XMLError(line: 0, message: "out of memory") }
}

extension TreeBuilder {
    /// Hands the document to expat.
    fileprivate func parse(
        _ withDocument: ((UnsafeRawBufferPointer) -> XML_Status) -> XML_Status
    ) throws(XMLError) -> XMLElement {
        XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
        XML_SetElementHandler(parser, startElement, endElement)
        XML_SetCharacterDataHandler(parser, characterData)
        XML_SetStartDoctypeDeclHandler(parser, refuseDoctype)
        let status = withExtendedLifetime(self) {
            withDocument { bytes in
                XML_Parse(parser, bytes.bindMemory(to: CChar.self).baseAddress, Int32(bytes.count), 1)
            }
        }
        guard status == XML_STATUS_OK, let root else {
            let line = Int(XML_GetCurrentLineNumber(parser))
            if let refusal { throw XMLError(line: line, message: refusal) }
            let reason = XML_ErrorString(XML_GetErrorCode(parser)).map { String(cString: $0) } ?? "not XML"
            throw XMLError(line: line, message: reason)
        }
        return root
    }
}

private final class TreeBuilder {
    /// Stands between namespace and name in what expat hands over.
    static let separator = UInt8(ascii: "}")

    let parser: XML_Parser
    var root: XMLElement?
    /// Why the parser was stopped.
    var refusal: String?
    /// The namespace whose names are plain, and the separator; nil: names are as written.
    var home: [UInt8]?
    var deepest = Int.max
    var most = Int.max
    private var open: [XMLElement] = []
    private var count = 0
    // expat hands text over in pieces.
    private var text = ""

    /// Builds what `parser`, which stays the caller's, reads.
    init(_ parser: XML_Parser) {
        self.parser = parser
    }

    func begin(_ element: XMLElement) {
        endText()
        open.append(element)
        count += 1
        if open.count > deepest { refuse("elements are nested too deeply") }
        if count > most { refuse("there are too many elements") }
    }

    func refuse(_ reason: String) {
        refusal = reason
        _ = XML_StopParser(parser, XML_Bool(XML_FALSE))
    }

    /// A name as it is kept.
    func resolved(_ name: UnsafePointer<XML_Char>) -> String {
        guard let home else { return String(cString: name) }
        let isHome = home.withUnsafeBufferPointer { home in
            home.indices.allSatisfy { UInt8(bitPattern: name[$0]) == home[$0] }
        }
        if isHome { return String(cString: name + home.count) }
        let whole = String(cString: name)
        return whole.utf8.contains(Self.separator) ? "{" + whole : whole
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
            list.append(XMLElement.Attribute(name: builder.resolved(key), value: String(cString: value)))
            next += 2
        }
    }
    builder.begin(XMLElement(name: builder.resolved(name), attributes: list))
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
    TreeBuilder.of(userData)?.refuse("a document type declaration is not accepted")
}
