internal import XMLTree

/// Properties of some of the server's objects, asked for in one call (RetrievePropertiesEx).
struct PropertyRequest: Sendable {
    /// The properties of each type of object.
    private var paths: [(type: String, paths: [String])] = []
    private var objects: [XMLElement] = []
    /// Whether any object is named at all.
    var isEmpty: Bool { objects.isEmpty }

    /// Asks for these properties of every object of the type that is met.
    mutating func want(_ paths: [String], of type: String) {
        self.paths.append((type, paths))
    }

    /// Names an object; one that is not there is left out of the answer.
    mutating func add(_ object: MoRef) {
        objects.append(XMLElement("objectSet", children: [object.element("obj")]))
    }

    /// Names all objects that a property of an object refers to, not the object itself.
    mutating func add(all path: String, of object: MoRef) {
        let step = XMLElement(
            "selectSet", type: "TraversalSpec",
            children: [
                XMLElement("type", text: object.type), XMLElement("path", text: path),
                XMLElement("skip", text: "false"),
            ])
        objects.append(
            XMLElement(
                "objectSet",
                children: [object.element("obj"), XMLElement("skip", text: "true"), step]))
    }

    /// The call; its answer holds no more than `page` objects and a token for the rest.
    func call(on collector: MoRef, page: Int? = nil) -> SOAPCall {
        let wanted = paths.map { type, paths in
            XMLElement(
                "propSet",
                children: [XMLElement("type", text: type)] + paths.map { XMLElement("pathSet", text: $0) })
        }
        let tolerant = XMLElement("reportMissingObjectsInResults", text: "true")
        return SOAPCall(
            "RetrievePropertiesEx", on: collector,
            [
                XMLElement("specSet", children: wanted + objects + [tolerant]),
                XMLElement("options", children: page.map { [XMLElement("maxObjects", text: "\($0)")] } ?? []),
            ], isRepeatable: true)
    }
}
