internal import Glibc
internal import Hypervisor
internal import SnapshotManagers
internal import Support

/// What sanoid.conf says is to be run, as Perl's `system` of one text runs it: by a shell where there is anything for one.
struct HookCommand {
    /// As sanoid.conf has it.
    let text: String
    /// `pre-snapshot`
    let expected: String
    let host: CheckedHost

    private static let ours = ["pre-snapshot", "post-snapshot", "prune-snapshot"]

    /// What is amiss with it; nil: nothing that can be seen.
    enum Fault: Equatable {
        case unusable(String, fix: String?)
        case untrusted(String, fix: String?)
        case foreign
    }

    func fault() -> Fault? {
        guard let words = Self.words(text), let first = words.first else { return nil }
        let path = first.utf8.contains(UInt8(ascii: "/")) ? first : host.program(first)
        guard let path else { return .unusable("there is no program \(printable(first))", fix: nil) }
        // What comes first may be `nice`, or `flock`.
        let hook = words.first { $0.hasPrefix("/") && FileAccess.lastComponent($0) == expected }
        if let problem = problem(path) ?? hook.flatMap(problem) { return problem }
        let names = words.map { FileAccess.lastComponent($0) }
        if let place = names.firstIndex(of: expected) {
            return refusal(of: Array(words[(place + 1)...])).map { .unusable($0, fix: nil) }
        }
        if let other = names.first(where: Self.ours.contains) {
            return .unusable("it is \(other)", fix: nil)
        }
        // A script that calls the hook names it.
        let script = (try? FileAccess.realPath(path)) ?? path
        if FileAccess.lastComponent(script) == expected { return nil }
        let content = (try? TrustedPath.content(of: script, limit: 1 << 20)) ?? []
        return String(decoding: content, as: UTF8.self).has(expected) ? nil : .foreign
    }

    /// Why the hook would not do sanoid's work with these arguments; nil: it would.
    private func refusal(of arguments: [String]) -> String? {
        guard !arguments.isEmpty, let phase = Phase.allCases.first(where: { $0.program == expected }) else {
            return nil
        }
        let comment =
            arguments.contains { $0.hasPrefix("#") } ? "; to sanoid a # behind a value begins no comment" : ""
        let sanoid = [
            "SANOID_SCRIPT": phase.rawValue, "SANOID_TARGET": "tank", "SANOID_SNAPNAME": "autosnap",
        ]
        do {
            let call = try Invocation.read(phase: phase, arguments: arguments, environment: sanoid)
            if call.manager == .sanoid { return nil }
        } catch {
            return "it refuses its arguments: \(printable(error.message, limit: 300))\(comment)"
        }
        return
            "it takes the arguments \(printable(arguments.joined(separator: " "), limit: 300)) for what is snapshotted"
            + comment
    }

    private func problem(_ path: String) -> Fault? {
        do {
            try TrustedPath.requireFile(path)
        } catch let problem as UntrustedPathError {
            return .untrusted(problem.problem, fix: problem.command)
        } catch {
            if geteuid() != 0 { return nil }
            return .unusable("\(printable(path)) cannot be run (\(error))", fix: nil)
        }
        guard access(path, X_OK) == 0 else {
            return .unusable("\(printable(path)) is not executable", fix: "chmod +x \(shellQuoted(path))")
        }
        return nil
    }

    /// The words of a command line; nil where a shell would do more with it than split it.
    ///
    /// Perl calls a shell only where it sees a sign for one (`do_exec3` in its doio.c), and `#` is none: to a shell it begins a
    /// comment, to Perl a word.
    static func words(_ text: String) -> [String]? {
        let isOfShell = text.utf8.contains { "'\"".utf8.contains($0) }
        var words: [String] = []
        var word: [UInt8]?
        var quote: UInt8?
        for byte in text.utf8 {
            if let open = quote {
                if byte == open {
                    quote = nil
                } else if open == UInt8(ascii: "\""), "$`\\".utf8.contains(byte) {
                    return nil
                } else {
                    word?.append(byte)
                }
            } else if byte == 0x20 || byte == 0x09 {
                if let done = word { words.append(String(decoding: done, as: UTF8.self)) }
                word = nil
            } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
                quote = byte
                word = word ?? []
            } else if byte == UInt8(ascii: "#"), isOfShell, word == nil {
                break
            } else if "$`\\|&;<>()*?[]~{}\n".utf8.contains(byte)
                || words.isEmpty && "=!".utf8.contains(byte)
            {
                return nil
            } else {
                word = (word ?? []) + [byte]
            }
        }
        if let done = word { words.append(String(decoding: done, as: UTF8.self)) }
        return quote == nil ? words : nil
    }
}
