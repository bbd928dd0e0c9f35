internal import Support
internal import ZFS

/// Why a section that could be a dataset's is taken for another's, mistyped.
///
/// A dataset's name may hold blanks (zfs_namecheck.c), a pool's nearly never does: `[vms web]` is a slip,
/// `[tank/my data]` is none. `[dataset NAME]` is a dataset whatever its name.
struct SectionSlip {
    static let valid = "[stillpoint], [hypervisor NAME], [template_NAME], [vm PATTERN], [type NAME] and [DATASET]"

    /// The words that begin a section.
    fileprivate enum Word: String, CaseIterable {
        case stillpoint, hypervisor, template, vm, type, dataset

        /// One that is no likely beginning of a pool's name.
        var isLong: Bool { rawValue.utf8.count > 7 }

        func section(_ name: String) -> String {
            switch self {
            case .stillpoint: "[stillpoint]"
            case .template: "[template_\(printable(name))]"
            default: "[\(rawValue) \(printable(name))]"
            }
        }
    }

    let text: String
    /// What is said of it, behind its name.
    private let hint: String

    /// Nil for what can well be a dataset.
    init?(_ text: String) {
        guard let hint = Self.hint(text) else { return nil }
        self.text = text
        self.hint = hint
    }

    var description: String {
        let other = (try? DatasetName(text)) == nil ? "" : " (a dataset of that name: [dataset \(printable(text))])"
        return "unknown section [\(printable(text))]\(hint)\(other)"
    }

    private static func hint(_ text: String) -> String? {
        let pool = text.prefix { $0 != "/" }
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        if let blank = pool.firstIndex(where: isBlank) {
            let (word, name) = (String(pool[..<blank]), text[blank...].trimmed())
            guard let meant = Word.meant(by: word) else { return "; valid are \(valid)" }
            return "; did you mean \(meant.section(name))?"
        }
        guard pool.endIndex == text.endIndex else { return nil }
        switch text {
        case "vm": return ": the PATTERN is missing, such as [vm web*]"
        case "type": return ": the NAME is missing, such as [type hourly]"
        case "hypervisor": return ": the NAME is missing, such as [hypervisor local]"
        case "template", "template_": return ": the NAME is missing, such as [template_production]"
        case "dataset": return ": the NAME is missing, such as [tank/VM]"
        default: break
        }
        if text.contains(where: { "*?[".contains($0) }) { return "; did you mean [vm \(printable(text))]?" }
        // `vms`, `types` and `vm-data` can be pools.
        let word = String(text.prefix { !"_-.:".contains($0) })
        let (sign, name) = (text.dropFirst(word.count).first, String(text.dropFirst(word.count + 1)))
        guard let meant = Word.meant(by: word), meant.isLong || sign == ":" || word == "type" else { return nil }
        return "; did you mean \(meant.section(name.isEmpty ? "NAME" : name))?"
    }
}

extension SectionSlip.Word {
    /// The one that is near: one letter off, two in a long word, two that stand the wrong way round, capitals.
    fileprivate static func meant(by text: String) -> Self? {
        let text = text.lowercased()
        let near = allCases.map { (word: $0, distance: editDistance(text, $0.rawValue)) }.filter { near in
            near.distance <= (near.word.isLong ? 2 : 1)
                || near.distance == 2 && near.word.rawValue.sorted() == text.sorted()
        }
        return near.min { $0.distance < $1.distance }?.word
    }
}
