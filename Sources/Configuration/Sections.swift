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

/// `[vm PATTERN]`, a shell pattern (fnmatch(3)) for the VM's name.
struct VMSection: Sendable, Equatable {
    var pattern: String
    var policy = Policy()

    mutating func readKeys(_ section: inout SectionReader, templates: [String: Template]) {
        var values = Template()
        section.useTemplate(&values, among: templates)
        policy = values.policy
        policy.readKeys(&section)
    }
}
