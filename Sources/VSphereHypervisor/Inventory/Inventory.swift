internal import Hypervisor
internal import Support
internal import XMLTree

/// All VMs and datastores of a server, read in one view and page by page.
struct Inventory: Sendable {
    var vms: [VMDetails] = []
    var datastores: [Datastore] = []

    /// Objects a page: their XML is what costs memory.
    static let page = 100
    /// The view and its pages are lost with the session, and a page with its answer: then all is read anew.
    private static let attempts = 3

    /// Reads it.
    /// - Parameter hasVMs: false leaves the VMs out, which may be thousands.
    static func read(
        _ session: Session, until deadline: ContinuousClock.Instant, hasVMs: Bool = true
    ) async throws -> Inventory {
        var backoff = Backoff(attempts: attempts, first: .milliseconds(100))
        while true {
            let before = try await session.open(until: deadline).generation
            do {
                return try await readOnce(session, until: deadline, hasVMs: hasVMs)
            } catch let error as CallFailure {
                let isNewSession = try await session.open(until: deadline).generation != before
                // What makes no sense has been asked for again by the session already.
                let isWorthIt = error.isTransient && error.kind != .garbled
                guard isWorthIt || isNewSession, .now < deadline, await backoff.wait() else { throw error }
            }
        }
    }

    private static func readOnce(
        _ session: Session, until deadline: ContinuousClock.Instant, hasVMs: Bool
    ) async throws -> Inventory {
        let types = hasVMs ? ["VirtualMachine", "Datastore"] : ["Datastore"]
        let content = try await session.open(until: deadline).content
        let create = SOAPCall(
            "CreateContainerView", on: content.viewManager,
            [content.rootFolder.element("container")] + types.map { XMLElement("type", text: $0) }
                + [XMLElement("recursive", text: "true")], isRepeatable: true)
        guard let view = MoRef(try await session.call(create, until: deadline).first("returnval")) else {
            throw CallFailure(.garbled, "\(session.url) makes no view of its inventory")
        }
        var request = PropertyRequest()
        request.want(VMDetails.paths, of: "VirtualMachine")
        request.want(Datastore.paths, of: "Datastore")
        request.add(all: "view", of: view)
        var inventory = Inventory()
        try await session.readPages(of: request, page: page, until: deadline) { inventory.take($0) }
        return inventory
    }

    /// Keeps what is needed of a page.
    mutating func take(_ objects: [ObjectProperties]) {
        for properties in objects {
            switch properties.object.type {
            case "VirtualMachine": vms.append(VMDetails(properties))
            case "Datastore": datastores.append(Datastore(properties))
            default: break
            }
        }
    }
}
