internal import Configuration
internal import JSON
internal import RunState
internal import Support
internal import ZFS

/// Whether a mail is sent of a report: `mail_on`, and how the datasets' last runs went.
struct MailDecision: Sendable, Codable, Equatable {
    /// More are not remembered: what is forgotten counts as well.
    private static let most = 4096

    /// Those whose last run had a problem.
    private(set) var troubled: Set<String> = []

    /// - Returns: whether the report is one for a mail; what it says is remembered.
    mutating func take(_ entry: OutboxEntry, _ mailOn: NotificationSettings.MailOn) -> Bool {
        let isProblem = entry.isProblem
        let subjects = Set(entry.hypervisor.map { [".\($0)"] } ?? entry.datasets.map(\.rawValue))
        // Each of these is told once for as long as it lasts, and nobody tells of its end.
        let isLasting = [.unanswered, .misconfigured, .unarchived].contains(entry.ending)
        let isChange =
            isLasting || (isProblem ? !subjects.isSubset(of: troubled) : !subjects.isDisjoint(with: troubled))
        if !isLasting {
            if !isProblem {
                troubled.subtract(subjects)
            } else if troubled.count < Self.most {
                troubled.formUnion(subjects)
            }
        }
        switch mailOn {
        case .problem: return isProblem
        case .change: return isChange
        case .always: return true
        }
    }
}

extension MailDecision {
    /// What is remembered in the outbox; nothing where that cannot be read.
    init(in outbox: Outbox) {
        guard let bytes = try? TrustedPath.content(of: "\(outbox.folder)/last", limit: 4 << 20),
            let known = try? JSON.decode(MailDecision.self, from: bytes)
        else { return }
        self = known
    }

    /// - Throws: Errno, JSONError.
    func write(to outbox: Outbox) throws {
        let sorted = Sorted(troubled: troubled.sorted())
        try replaceFile(at: "\(outbox.folder)/last", with: JSON.encode(sorted))
    }

    private struct Sorted: Encodable { let troubled: [String] }
}
