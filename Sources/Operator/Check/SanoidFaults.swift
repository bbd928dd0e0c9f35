internal import Hypervisor
internal import SnapshotManagers
internal import Support
internal import ZFS

/// What is amiss in sanoid.conf: each once, with all the datasets that it is so for.
struct SanoidFaults {
    private struct Fault: Hashable {
        let code: FindingCode
        let section: String
        let what: String
        let fix: String?
    }

    let file: String
    private var order: [Fault] = []
    private var datasets: [Fault: [DatasetName]] = [:]

    init(file: String) { self.file = file }

    /// - Parameters:
    ///   - command: it is to be copied, and stands alone.
    ///   - fix: what to do, before the lines.
    ///   - lines: what to write into the section.
    mutating func add(
        _ code: FindingCode, _ call: SanoidSchedule.Call, _ what: String, command: String? = nil, fix: String? = nil,
        lines: [String] = []
    ) {
        let text = lines.map { "`\($0)`" }.joined(separator: ", ")
        let written = lines.isEmpty ? nil : "in [\(call.section)] of \(file): \(text)"
        let both = command ?? fix.map { fix in written.map { "\(fix): \($0)" } ?? fix } ?? written
        let fault = Fault(code: code, section: call.section, what: what, fix: both)
        if datasets[fault] == nil { order.append(fault) }
        if datasets[fault]?.contains(call.target) != true { datasets[fault, default: []].append(call.target) }
    }

    var findings: [Finding] {
        order.map { fault in
            let names = shortList((datasets[fault] ?? []).map(\.rawValue))
            return Finding(fault.code, "\(names): \(fault.what)", fix: fault.fix)
        }
    }
}
