/// Runs `body` for each element, at most `limit` at a time; waits for all, then throws the first error.
package func inParallel<Elements: Sequence & Sendable, Failure: Error>(
    _ elements: Elements, limit: Int, _ body: @escaping @Sendable (Elements.Element) async throws(Failure) -> Void
) async throws(Failure) where Elements.Element: Sendable {
    let failures = await withTaskGroup(of: Failure?.self) { group in
        var failures: [Failure] = []
        var running = 0
        for element in elements {
            if running >= limit, let ended = await group.next() {
                ended.map { failures.append($0) }
                running -= 1
            }
            group.addTask {
                do throws(Failure) {
                    try await body(element)
                    return nil
                } catch {
                    return error
                }
            }
            running += 1
        }
        for await failure in group { failure.map { failures.append($0) } }
        return failures
    }
    if let first = failures.first { throw first }
}
