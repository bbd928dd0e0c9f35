internal import Support
internal import ZFS

/// The kinds of section there are, by what stands between the brackets.
enum SectionName: Hashable {
    case general
    case hypervisor(String)
    case template(String)
    case machine(VMPattern)
    case type(String)
    /// By its name alone, or as `[dataset NAME]`, whatever that is.
    case dataset(DatasetName)

    /// - Throws: ConfigurationError `.unknownSection` for a name that is none of ours and is likely to be a slip, or
    ///   that no dataset can have; `.badValue`.
    init(_ text: String, at place: (file: String, line: Int)) throws(ConfigurationError) {
        let word = text.prefix { !$0.isBlank }
        let rest = text.dropFirst(word.count).trimmed()
        switch (String(word), rest.isEmpty) {
        case ("stillpoint", true): self = .general
        case ("hypervisor", false): self = .hypervisor(rest)
        case ("vm", false): self = .machine(try Self.pattern(rest, at: place))
        case ("type", false): self = .type(try Self.type(rest, at: place))
        case ("dataset", false): self = .dataset(try Self.named(rest, in: text, at: place))
        default:
            if text.hasPrefix("template_"), case let name = text.dropFirst("template_".count).trimmed(), !name.isEmpty {
                self = .template(name)
            } else {
                try Self.refuse(SectionSlip(text), at: place)
                self = .dataset(try Self.named(text, in: text, at: place))
            }
        }
    }

    private static func pattern(
        _ text: String, at place: (file: String, line: Int)
    ) throws(ConfigurationError) -> VMPattern {
        do throws(BadValue) {
            return try VMPattern(text)
        } catch {
            throw ConfigurationError(.badValue, "[vm \(printable(text))] \(error.wanted)", at: place)
        }
    }

    private static func type(_ text: String, at place: (file: String, line: Int)) throws(ConfigurationError) -> String {
        guard !text.contains(where: { $0 == "," || $0.isBlank }) else {
            throw ConfigurationError(
                .badValue, "[type \(printable(text))] names more than one type; write a section for each", at: place)
        }
        return text
    }

    private static func refuse(
        _ slip: SectionSlip?, at place: (file: String, line: Int)
    ) throws(ConfigurationError) {
        guard let slip else { return }
        throw ConfigurationError(.unknownSection, slip.description, at: place)
    }

    private static func named(
        _ name: String, in section: String, at place: (file: String, line: Int)
    ) throws(ConfigurationError) -> DatasetName {
        do {
            return try DatasetName(name)
        } catch {
            throw ConfigurationError(
                .unknownSection, "unknown section [\(printable(section))] (\(error)); valid are \(SectionSlip.valid)",
                at: place, cause: error)
        }
    }
}

extension Character {
    var isBlank: Bool { self == " " || self == "\t" }
}
