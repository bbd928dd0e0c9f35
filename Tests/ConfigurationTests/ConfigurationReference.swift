import Hypervisor
import ZFS

@testable import Configuration

/// `docs/configuration.md`: every section and every key, out of their declarations.
enum ConfigurationReference {
    static let kinds = ["libvirt", "vsphere"]

    static var page: String {
        """
        # The configuration's sections and keys

        Made of what the program itself reads (CONTRIBUTING.md says how). README.md says where the file is and who may
        write to it; `examples` has whole configurations.

        `[section]`, then `key = value`, one a line and of any length; a comment begins with `#` or `;`. A key that is
        left out has its default. A mistake is refused with file, line and the nearest valid word; nothing is touched.

        """ + sections.map(\.markdown).joined()
    }

    static var sections: [SectionReference] {
        [
            SectionReference(
                name: "[stillpoint]", text: "What holds for everything.",
                keys: SectionReader.keys { section in
                    var configuration = Configuration()
                    configuration.readKeys(&section)
                })
        ]
            + kinds.map { kind in
                SectionReference(
                    name: "[hypervisor NAME]", addition: " of `kind = \(kind)`",
                    text:
                        "One that is asked for its VMs. With any such section only those listed are asked; with none, "
                        + "the local libvirtd is.",
                    keys: SectionReader.keys(kind: kind) { section in
                        var settings = HypervisorSettings(name: "")
                        settings.readKeys(&section, kinds: kinds)
                    })
            } + [
                SectionReference(
                    name: "[POOL/DATASET]",
                    text: "What holds for VMs on that dataset and those below it; the longest name wins.",
                    keys: SectionReader.keys { section in
                        guard let pool = try? DatasetName("pool") else { return }
                        var dataset = DatasetSection(dataset: pool)
                        dataset.readKeys(&section, templates: [:])
                    }),
                SectionReference(
                    name: "[vm PATTERN]",
                    text:
                        "What holds for VMs whose name matches the shell pattern; it beats the dataset's section. Of several "
                        + "the first in the file counts.",
                    keys: SectionReader.keys { section in
                        var machine = VMSection(pattern: "")
                        machine.readKeys(&section, templates: [:])
                    }),
                SectionReference(
                    name: "[template_NAME]", text: "What holds for the sections that say `use_template = NAME`.",
                    keys: SectionReader.keys { section in
                        var template = Template()
                        template.readKeys(&section)
                    }),
            ]
    }
}

/// A section with its keys.
struct SectionReference {
    /// With its brackets.
    let name: String
    var addition = ""
    let text: String
    let keys: [DeclaredKey]

    fileprivate var markdown: String {
        "\n## `\(name)`\(addition)\n\n\(text)\n\n| key | value | default | meaning |\n|---|---|---|---|\n"
            + keys.map { key in
                let usual = key.writtenDefault.map { "`\($0)`" } ?? key.unset
                return "| `\(key.name)` | \(key.values) | \(usual) | \(key.meaning) |\n"
            }.joined()
    }
}

extension DeclaredKey {
    /// What may be written.
    var values: String {
        let values =
            switch summary {
            case .text(let text): text
            case .range(let range, let unit): "\(unit)\(range.lowerBound) to \(range.upperBound)"
            case .words(let words, let note): words().map { "`\($0)`" }.joined(separator: ", ") + note
            }
        return isRepeatable ? values + "; may stand several times" : values
    }

    /// The default as it would be written; nil where there is none.
    var writtenDefault: String? {
        switch usual {
        case let text as String: text.isEmpty ? nil : text
        case let number as Int: "\(number)"
        case let time as Duration: "\(time.components.seconds)"
        case let strategies as [Strategy]: strategies.map(\.rawValue).joined(separator: ", ")
        case let word as any RawRepresentable: "\(word.rawValue)"
        default: nil
        }
    }
}
