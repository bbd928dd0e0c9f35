internal import XMLTree

/// Properties of one object, as the server sent them.
struct ObjectProperties: Sendable {
    let object: MoRef
    /// By path; one that is unset, or may not be seen, is not there.
    let values: [String: XMLElement]

    /// Those of all objects of an answer, and the token for more.
    static func read(_ result: XMLElement) -> (objects: [ObjectProperties], token: String?) {
        guard let page = result.first("returnval") else { return ([], nil) }
        return (page.children(named: "objects").compactMap(ObjectProperties.init), page.value("token"))
    }

    /// Whether the server has forgotten the session. Some then answer all the same, with nothing in it.
    static func areWithoutSession(_ result: XMLElement) -> Bool {
        let missing = result.first("returnval", "objects", "missingSet", "fault")
        return missing.map { VimFault(localized: $0).kind == .session } ?? false
    }

    private init?(_ element: XMLElement) {
        guard let object = MoRef(element.first("obj")) else { return nil }
        self.object = object
        var values: [String: XMLElement] = [:]
        for property in element.children(named: "propSet") {
            if let name = property.value("name"), let value = property.first("val") { values[name] = value }
        }
        self.values = values
    }

    /// A property that is plain text.
    func text(_ path: String) -> String? { values[path]?.wholeText }

    /// The object's name as its owner wrote it; its MoRef where the server does not tell.
    var name: String { text("name").map(unescaped) ?? object.value }

    /// Whether a property says yes.
    func isTrue(_ path: String) -> Bool { ["true", "1"].contains(text(path)) }
}
