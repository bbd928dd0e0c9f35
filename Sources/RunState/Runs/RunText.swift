internal import JSON
internal import Synchronization

/// A run as its state file's text, made anew only where it changed.
///
/// With a thousand VMs most of the text is the same from one write to the next, and a write waits for it.
package final class RunText: Sendable {
    private struct Part {
        let record: VMRecord
        let text: [UInt8]
    }

    private let parts = Mutex<[Part]>([])

    /// The text of the run as it is now.
    /// - Throws: JSONError.
    func bytes(of run: Run) throws -> [UInt8] {
        let parts = try parts.withLock { known in
            let fresh = try run.machines.enumerated().map { index, record in
                if index < known.count, known[index].record == record { return known[index] }
                return Part(record: record, text: try JSON.encode(record))
            }
            known = fresh
            return fresh
        }
        var frame = run
        frame.format = run.neededFormat
        frame.machines = []
        let text = try JSON.encode(frame)
        // Nowhere else: a quotation mark inside a string has a backslash before it.
        let empty = Array(#""machines": []"#.utf8)
        guard !parts.isEmpty, let place = text.firstIndex(of: empty) else {
            frame.machines = run.machines
            return try JSON.encode(frame)
        }
        var result = Array(text[..<(place + empty.count - 1)])
        result.reserveCapacity(text.count + parts.reduce(0) { $0 + $1.text.count + 2 })
        for (index, part) in parts.enumerated() {
            result += index == 0 ? [] : [UInt8(ascii: ","), UInt8(ascii: "\n")]
            result += part.text
        }
        return result + text[(place + empty.count - 1)...]
    }
}

extension [UInt8] {
    fileprivate func firstIndex(of part: [UInt8]) -> Int? {
        guard count >= part.count else { return nil }
        return (0...(count - part.count)).first { self[$0] == part[0] && self[$0..<($0 + part.count)] == part[...] }
    }
}
