public import Bounds
private import CExpat
private import Glibc

/// Why a text is not XML.
public struct XMLError: Error, Sendable, CustomStringConvertible {
    /// Line in the text, from 1.
    public let line: Int
    /// What expat, or the budget, found wrong.
    public let message: String

    /// Line and message.
    public var description: String { "line \(line): \(message)" }
}

extension Budget {
    /// For a definition of libvirt's: the largest have some thousand elements, a tenth as deep.
    public static let definition = Budget(bytes: 16 << 20, nodes: 200_000, depth: 200)
    /// For a server's answer.
    public static let answer = Budget(bytes: 64 << 20, nodes: 2_000_000, depth: 200)
}

extension XMLElement {
    /// The root element of a document.
    ///
    /// A document type declaration is refused: neither libvirt nor vSphere sends one, and entity bombs need one.
    /// - Parameter budget: bounds its bytes, its depth, and its elements and attributes together.
    public static func parse(_ text: String, within budget: Budget = .definition) throws(XMLError) -> XMLElement {
        guard let parser = XML_ParserCreate("UTF-8") else { throw XMLError.noMemory }
        defer { XML_ParserFree(parser) }
        let builder = TreeBuilder(parser, budget)
        var copy = text
        return try builder.parse { body in copy.withUTF8 { body(UnsafeRawBufferPointer($0)) } }
    }

    /// The root element of a document from a server, its names resolved: whichever prefixes the server chose, an
    /// element of the namespace `home` or of none has its plain name, any other is `{namespace}name`. So it is with
    /// attributes.
    ///
    /// - Parameter budget: as above.
    public static func parse(
        _ bytes: [UInt8], namespace home: String, within budget: Budget = .answer
    ) throws(XMLError) -> XMLElement {
        guard let parser = XML_ParserCreateNS(nil, XML_Char(bitPattern: TreeBuilder.separator)) else {
            throw XMLError.noMemory
        }
        defer { XML_ParserFree(parser) }
        let builder = TreeBuilder(parser, budget)
        builder.home = Array(home.utf8) + [TreeBuilder.separator]
        return try builder.parse { body in bytes.withUnsafeBytes(body) }
    }
}

extension XMLError {
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
                guard isAffordable(bytes) else { return XML_STATUS_ERROR }
                return XML_Parse(parser, bytes.bindMemory(to: CChar.self).baseAddress, Int32(bytes.count), 1)
            }
        }
        guard status == XML_STATUS_OK, let root else {
            let line = max(1, Int(XML_GetCurrentLineNumber(parser)))
            if let refusal { throw XMLError(line: line, message: refusal) }
            let reason = XML_ErrorString(XML_GetErrorCode(parser)).map { String(cString: $0) } ?? "not XML"
            throw XMLError(line: line, message: reason)
        }
        return root
    }
}

extension UnsafeRawBufferPointer {
    /// How often a byte occurs, as far as that is of interest.
    fileprivate func count(of byte: UInt8, upTo most: Int) -> Int {
        guard var next = baseAddress, count > most else { return 0 }
        let end = next + count
        var found = 0
        while found < most, let hit = memchr(next, Int32(byte), end - next) {
            found += 1
            next = UnsafeRawPointer(hit) + 1
        }
        return found
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
    private var budget: Budget
    private var open: [XMLElement] = []
    // expat hands text over in pieces.
    private var text = ""

    /// Builds what `parser`, which stays the caller's, reads.
    init(_ parser: XML_Parser, _ budget: Budget) {
        self.parser = parser
        self.budget = budget
    }

    /// Whether expat may have the document: it keeps all attributes of a tag before it hands over the first one.
    func isAffordable(_ bytes: UnsafeRawBufferPointer) -> Bool {
        do throws(BudgetError) {
            try budget.spend(bytes: bytes.count)
            guard bytes.count <= Int32.max else {
                refusal = "it has more bytes than expat takes"
                return false
            }
            var attributes = budget
            // Each has an equals sign, in any encoding that expat reads.
            try attributes.spend(nodes: bytes.count(of: UInt8(ascii: "="), upTo: budget.nodes.plus(1)))
            return true
        } catch {
            refusal = error.message
            return false
        }
    }

    func begin(_ element: XMLElement) {
        // Handlers may still be called for what the parser had read when it was stopped.
        guard refusal == nil else { return }
        endText()
        open.append(element)
        do throws(BudgetError) {
            try budget.enter(level: open.count)
            try budget.spend(nodes: 1 + element.attributes.count)
        } catch {
            refuse(error.message)
        }
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
