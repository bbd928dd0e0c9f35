/// Runs `body` for each element, at most `limit` at a time; waits for all, then throws the first error.
func inParallel<Elements: Sequence & Sendable>(
    _ elements: Elements, limit: Int, _ body: @escaping @Sendable (Elements.Element) async throws -> Void
) async throws where Elements.Element: Sendable {
    try await withThrowingTaskGroup(of: Void.self) { group in
        var failure: (any Error)?
        var running = 0
        func waitForOne() async {
            if case .failure(let error)? = await group.nextResult() { failure = failure ?? error }
            running -= 1
        }
        for element in elements {
            if running >= limit { await waitForOne() }
            group.addTask { try await body(element) }
            running += 1
        }
        while running > 0 { await waitForOne() }
        if let failure { throw failure }
    }
}
