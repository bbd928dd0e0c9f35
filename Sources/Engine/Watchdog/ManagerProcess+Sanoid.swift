internal import Glibc
package import SnapshotManagers
internal import Support

extension ManagerProcess {
    /// In bytes; more than sanoid could be given an option behind.
    private static let longestCommandLine = 1 << 20

    /// Where the sanoid that called has its configuration: what `--configdir` said on its command line; nil where it said
    /// nothing, or no such process is seen.
    ///
    /// Whoever may call a hook may name it a configuration; that it is root's is checked where it is read.
    /// - Throws: InvocationError where it is relative to a folder that cannot be seen.
    package static func sanoidDirectory(proc: String) throws(InvocationError) -> String? {
        guard let process = find(.sanoid, proc: proc), let told = process.sanoidArguments(proc)?.configurationDirectory
        else { return nil }
        if told.utf8.first == UInt8(ascii: "/") { return told }
        let folder = FileAccess.linkText("\(proc)/\(process.id)/cwd")
        guard let folder, folder.hasPrefix("/"), process.isAlive(proc: proc) else {
            throw InvocationError(
                .badValue,
                "sanoid (process \(process.id)) was called with --configdir=\(printable(told)), and its working folder "
                    + "cannot be seen; give it an absolute path")
        }
        return "\(folder)/\(told)"
    }

    private func sanoidArguments(_ proc: String) -> SanoidArguments? {
        guard let bytes = try? FileAccess.read("\(proc)/\(id)/cmdline", limit: Self.longestCommandLine),
            // The number may be another's by now.
            let status = Self.living(id, proc), status.began == began
        else { return nil }
        let words = bytes.split(separator: 0, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        return SanoidArguments(commandLine: words.dropLast(bytes.last == 0 ? 1 : 0), of: status.name)
    }
}

extension SanoidConfiguration {
    /// That of the sanoid that called; where it does not tell, or is not seen, that of a folder.
    /// - Throws: INIError, InvocationError.
    package static func ofCaller(
        _ invocation: Invocation, otherwise directory: String, proc: String
    ) throws -> SanoidConfiguration {
        let told = invocation.manager == .sanoid ? try ManagerProcess.sanoidDirectory(proc: proc) : nil
        return try SanoidConfiguration(directory: told ?? directory, isInUse: told != nil)
    }
}
