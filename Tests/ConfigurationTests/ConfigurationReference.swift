import Hypervisor
import ZFS

@testable import Configuration

/// `docs/configuration.md`: every section and every key, out of their declarations.
enum ConfigurationReference {
    static let kinds = ["libvirt", "vsphere", "exec"]

    static var page: String {
        """
        # The configuration's sections and keys

        Made of what the program itself reads (CONTRIBUTING.md says how). README.md says where the file is and who may
        write to it; `examples` has whole configurations.

        `[section]`, then `key = value`, one a line and of any length; a comment begins with `#` or `;`. A key that is
        left out has its default. A mistake is refused with file, line and the nearest valid word; nothing is touched.

        `strategy` and `on_failure` hold from the narrowest section that has the key: `[vm PATTERN]`, then `[type NAME]`, then
        `[POOL/DATASET]` (the longest name first; a template counts in the section that uses it, below that section's own
        keys), then `[stillpoint]`. `stillpoint plan` shows for each VM which line it was.

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
                        + "the local libvirtd is. Where none is enabled, no VM is touched, and `stillpoint check` says so.",
                    keys: SectionReader.keys(kind: kind) { section in
                        var settings = HypervisorSettings(name: "")
                        settings.readKeys(&section, kinds: kinds)
                    })
            } + [
                SectionReference(
                    name: "[POOL/DATASET]",
                    text:
                        "What holds for VMs on that dataset and those below it; the longest name wins. A pool whose name is one "
                        + "of the words here, or has a blank, is written `[dataset NAME]`: `[dataset vm]`.",
                    keys: SectionReader.keys { section in
                        guard let pool = try? DatasetName("pool") else { return }
                        var dataset = DatasetSection(dataset: pool)
                        dataset.readKeys(&section, templates: [:])
                    }),
                SectionReference(
                    name: "[vm PATTERN]",
                    text:
                        "What holds for VMs whose name, or title (libvirt's `<title>`), matches the shell pattern, or with "
                        + "`[vm uuid:UUID]` for the one of that UUID (of vSphere its instance or BIOS UUID; dashes and case do not "
                        + "count). It beats `[type NAME]`. Of several that match the first in the file counts alone. `*`, `?`, `[` and "
                        + "`\\` of a name are written `\\*`, `\\?`, `\\[` and `\\\\`; a blank at its beginning or end, or a `;` or "
                        + "`#` behind a blank, `[ ]`, `[;]` and `[#]`. Who may name a VM, or give it a title, chooses its section.",
                    keys: SectionReader.keys { section in
                        var machine = VMSection(pattern: .name(""))
                        machine.readKeys(&section, templates: [:])
                    }),
                SectionReference(
                    name: "[type NAME]",
                    text:
                        "What holds for snapshots of that type: one of `SANOID_TYPES`, else what the snapshot's name says "
                        + "(`autosnap_…_hourly`, `zfs-auto-snap_daily-…`), or what `--type` of pre-snapshot says. It beats the "
                        + "dataset's section. One freeze serves all snapshots of a call: where these are of several types, what "
                        + "promises most counts, key by key (`memory`, `quiesce`, `freeze`, `shutdown`, `exec:PATH`, `pause`, "
                        + "`crash-consistent`, `ignore`, in this order, by the first word; `abort` before `continue`). A type without a "
                        + "section counts with what the wider sections say.",
                    keys: SectionReader.keys { section in
                        var type = TypeSection(name: "")
                        type.readKeys(&section, templates: [:])
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
        case let flag as Bool: flag ? "yes" : "no"
        case let number as Int: "\(number)"
        case let time as Duration: "\(time.components.seconds)"
        case let strategies as [Strategy]: strategies.map(\.rawValue).joined(separator: ", ")
        case let word as any RawRepresentable: "\(word.rawValue)"
        default: nil
        }
    }
}
