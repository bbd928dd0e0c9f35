internal import Bounds
internal import XMLTree

extension Budget {
    /// For all pages of what is asked of a server: ten times what the largest inventories take.
    static let paging = Budget(bytes: 256 << 20, nodes: 200_000, pages: 20_000)
}

extension Session {
    /// The properties of some objects. A server may cut even a small answer into pages.
    nonisolated func properties(
        _ request: PropertyRequest, until deadline: ContinuousClock.Instant
    ) async throws -> [ObjectProperties] {
        var objects: [ObjectProperties] = []
        try await readPages(of: request, until: deadline) { objects += $0 }
        return objects
    }

    /// Reads page by page what a server has, and hands over the objects of each.
    ///
    /// - Parameters:
    ///   - page: the most objects of a page; nil lets the server decide.
    ///   - budget: objects are its nodes.
    /// - Throws: CallFailure; `.tooLong` where the pages do not come to an end.
    nonisolated func readPages(
        of request: PropertyRequest, page: Int? = nil, within budget: Budget = .paging,
        until deadline: ContinuousClock.Instant,
        _ take: ([ObjectProperties]) -> Void
    ) async throws {
        var budget = budget
        let collector = try await open(until: deadline).content.propertyCollector
        var call = request.call(on: collector, page: page)
        var seen: Set<String> = []
        while true {
            let answer = try await answer(to: call, until: deadline)
            let (objects, token) = ObjectProperties.read(answer.element)
            do throws(BudgetError) {
                try budget.spend(bytes: answer.bytes, nodes: objects.count, pages: 1)
            } catch {
                throw CallFailure(.tooLong, "what \(url) answers does not come to an end: \(error)")
            }
            take(objects)
            guard let token else { return }
            guard seen.insert(token).inserted else {
                throw CallFailure(.tooLong, "\(url) has sent a page's token twice, so its pages have no end")
            }
            call = SOAPCall("ContinueRetrievePropertiesEx", on: collector, [XMLElement("token", text: token)])
        }
    }
}
