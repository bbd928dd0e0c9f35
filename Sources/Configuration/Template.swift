internal import Support

/// `[template_NAME]`: what it gives to the sections that name it.
struct Template: Sendable {
    var policy = Policy()
    var recursive: DatasetSection.Recursive?

    mutating func readKeys(_ section: inout SectionReader) {
        section.key(
            "recursive", &recursive, .optional(.choice), unset: "what the next wider section says, else `auto`",
            "whether a snapshot takes the children along; `auto`: as the manager says, else as sanoid.conf does")
        policy.readKeys(&section)
    }

    /// What the templates of a `use_template` give together; a later one beats an earlier one, as in sanoid.conf.
    static func named(in list: String, among templates: [String: Template]) throws(BadValue) -> Template {
        var result = Template()
        for part in list.split(separator: ",") {
            let name = String(part.filter { $0 != " " })
            guard let template = templates[name] else {
                let hint = nearest(to: name, among: Array(templates.keys)).map { "did you mean '\($0)'?" }
                throw BadValue(wanted: hint ?? "there is no section [template_\(printable(name))]")
            }
            result.policy = template.policy.filled(from: result.policy)
            result.recursive = template.recursive ?? result.recursive
        }
        return result
    }
}

extension SectionReader {
    /// Declares `use_template`, which a section's own keys beat.
    mutating func useTemplate(_ value: inout Template, among templates: [String: Template]) {
        let type = KeyType(
            summary: .text("names between commas"),
            parse: { text throws(BadValue) in try Template.named(in: text, among: templates) })
        key(
            "use_template", &value, type,
            "the `[template_NAME]` sections that count here; a later one beats an earlier one")
        guard let place = line(of: "use_template") else { return }
        let use = SettingLine.Use(line: place.line, section: place.section)
        value.policy.strategyLine?.usedBy = use
        value.policy.onFailureLine?.usedBy = use
    }
}
