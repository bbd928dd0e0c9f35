internal import Support

/// The line of the configuration that a setting is from.
package struct SettingLine: Sendable, Equatable, Codable, CustomStringConvertible {
    /// The line of a `use_template`.
    package struct Use: Sendable, Equatable, Codable {
        /// Counted from 1.
        package let line: Int
        /// The name of its section: `tank/VM`.
        package let section: String
    }

    /// The file as it was named.
    package let file: String
    /// Counted from 1.
    package let line: Int
    /// The name of its section: `vm db*`.
    package let section: String
    /// Where the section is a template: who uses it.
    package var usedBy: Use?

    /// `/etc/stillpoint/stillpoint.conf:7 [template_strict], by use_template in line 12 [tank/VM]`
    package var description: String {
        let place = "\(printable(file, limit: 400)):\(line) [\(printable(section))]"
        return usedBy.map { "\(place), by use_template in line \($0.line) [\(printable($0.section))]" } ?? place
    }
}
