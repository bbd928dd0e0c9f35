/// Versions of sanoid that read the same sanoid.conf differently (`init()` in each).
enum SanoidVersion: Sendable, CaseIterable {
    /// 2.0 and 2.1, as in Debian 12.
    case v21
    /// As in Debian 13.
    case v22
    case v23

    /// Of a key that stands twice the first value counts; before, Perl's `ARRAY(0x…)` was the value.
    var takesFirstOfSeveral: Bool { self != .v21 }
    /// Blanks at a value's end are removed.
    var trims: Bool { self == .v23 }
    /// `takesFirstOfSeveral` also for a template that stands below the section which uses it.
    var takesFirstInTemplates: Bool { self == .v23 }
}
