internal import Glibc

/// Whether a VM's name matches a shell pattern.
///
/// By characters, not bytes, whatever the caller's locale is: `b?ro` is `büro` too.
func matches(_ name: String, pattern: String) -> Bool {
    let callers = utf8Locale.map { uselocale($0) }
    defer { if let callers { uselocale(callers) } }
    return fnmatch(pattern, name, 0) == 0
}

/// Nil where the host has none; then patterns match bytes. Never freed, and used by one thread at a time or more.
private nonisolated(unsafe) let utf8Locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nil)

/// The candidate that is most like a mistyped word, if any is near enough to be meant.
package func nearest(to word: String, among candidates: [String]) -> String? {
    let limit = max(2, word.count / 3)
    return candidates.map { (name: $0, distance: editDistance(word, $0)) }
        .filter { $0.distance <= limit }
        .min { $0.distance < $1.distance }?
        .name
}

/// Levenshtein's distance.
func editDistance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, b) in right.enumerated() {
            let above = row[j + 1]
            row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a == b ? 0 : 1))
            diagonal = above
        }
    }
    return row[right.count]
}
