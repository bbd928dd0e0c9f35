/// A day (UTC), as its number since 1970-01-01.
struct CalendarDay: Sendable, Hashable, Comparable, Strideable {
    let number: Int

    init(_ number: Int) { self.number = number }

    /// The day of a time in seconds since 1970.
    init(at time: Int64) { number = Int((Double(time) / 86400).rounded(.down)) }

    /// The date in the Gregorian calendar, by Howard Hinnant's `civil_from_days`.
    var date: (year: Int, month: Int, day: Int) {
        let shifted = number + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        )
    }

    /// 0 is Monday. 1970-01-01 was a Thursday.
    var weekday: Int { ((number + 3) % 7 + 7) % 7 }
    var monday: CalendarDay { CalendarDay(number - weekday) }
    var firstOfMonth: CalendarDay { CalendarDay(number - date.day + 1) }
    var monthName: String { Self.months[date.month - 1] }

    /// `21 Nov`
    var text: String { "\(date.day) \(monthName.prefix(3))" }
    /// `21 Nov 2026`
    var fullText: String { "\(text) \(date.year)" }

    static func < (left: CalendarDay, right: CalendarDay) -> Bool { left.number < right.number }
    func distance(to other: CalendarDay) -> Int { other.number - number }
    func advanced(by days: Int) -> CalendarDay { CalendarDay(number + days) }

    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
}
