internal import Hypervisor
internal import RunState
internal import Support

/// One subject of `stillpoint check`, which comes to an end whatever the others find.
protocol CheckTheme: Sendable {
    /// Behind "the check of": `the folders`.
    var subject: String { get }

    /// How long it may take.
    var limit: Duration { get }

    /// What is amiss.
    /// - Throws: what keeps it from being known.
    func findings() async throws -> [Finding]
}

extension CheckTheme {
    var limit: Duration { .seconds(90) }

    /// What is amiss, or that it is not known, within its limit.
    func result() async -> [Finding] {
        do {
            guard let found = try await tryWithDeadline(.now + limit, { try await findings() }) else {
                return [Finding(.checkUnfinished, "the check of \(subject) did not end within \(limit.text)")]
            }
            return found
        } catch let error as StateError where error.code == .notRoot {
            return [Finding(.notRoot, "\(subject) could not be checked: \(error)")]
        } catch {
            return [Finding(.checkUnfinished, "the check of \(subject) failed: \(error)")]
        }
    }
}

extension Finding {
    /// An error's text, and what to do about it where the texts of its kind end in that.
    init(_ code: FindingCode, of error: any Error) {
        let text = "\(error)"
        guard error.endsInFix else {
            self.init(code, splitting: text)
            return
        }
        let parts = text.split(separator: "; ", omittingEmptySubsequences: false)
        guard let fix = parts.last, parts.count > 1 else {
            self.init(code, text)
            return
        }
        self.init(code, parts.dropLast().joined(separator: "; "), fix: String(fix))
    }
}
