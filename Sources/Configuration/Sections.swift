package import ZFS

/// `[POOL/DATASET]`: holds for the dataset and what is below it.
package struct DatasetSection: Sendable, Equatable {
    /// Whether a snapshot of this dataset takes its children along.
    package enum Recursive: String, Sendable, CaseIterable {
        /// As the manager says, or sanoid.conf where it does not.
        case auto
        case yes
        case no
    }

    package var dataset: DatasetName
    var policy = Policy()
    package var recursive: Recursive?

    mutating func readKeys(_ section: inout SectionReader, templates: [String: Template]) {
        var values = Template()
        section.useTemplate(&values, among: templates)
        values.readKeys(&section)
        (policy, recursive) = (values.policy, values.recursive)
    }
}

/// `[vm PATTERN]`: holds for the VMs that are meant.
package struct VMSection: Sendable, Equatable {
    package var pattern: VMPattern
    var policy = Policy()

    mutating func readKeys(_ section: inout SectionReader, templates: [String: Template]) {
        policy.readKeys(&section, templates: templates)
    }
}

/// `[type NAME]`: holds for the snapshots of that type.
package struct TypeSection: Sendable, Equatable {
    package var name: String
    var policy = Policy()

    mutating func readKeys(_ section: inout SectionReader, templates: [String: Template]) {
        policy.readKeys(&section, templates: templates)
    }
}

extension Policy {
    /// Its own keys, and those of the templates that it uses.
    fileprivate mutating func readKeys(_ section: inout SectionReader, templates: [String: Template]) {
        var values = Template()
        section.useTemplate(&values, among: templates)
        self = values.policy
        readKeys(&section)
    }
}
