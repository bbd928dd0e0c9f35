internal import Configuration
package import Engine
internal import JSON
internal import Logging
internal import RunState
internal import Support
internal import SystemPackage

/// What `stillpoint trust` is asked for.
package enum TrustRequest: Sendable {
    /// Prints this host's key for others.
    case show
    /// Lists the keys that were imported.
    case list
    /// Imports the key in a file; `-`: in standard input.
    case add(file: String)
    /// Forgets the key of that id.
    case remove(id: String)
}

extension Operator {
    /// `stillpoint trust`
    package func trust(_ request: TrustRequest) async -> ExitCode {
        await perform { configuration in
            let directory = StateDirectory(configuration.stateDirectory)
            let keys = SealKeys(directory)
            switch request {
            case .show:
                try directory.prepare()
                say(
                    String(
                        decoding: try StateFile.text(try keys.exported(host: hostName() ?? "unknown")), as: UTF8.self)
                        + "\n")
            case .list:
                let known = keys.trusted()
                for problem in known.problems { context.log.warning("\(problem)") }
                say(known.keys.map { "\($0.key.id)  \(printable($0.host))\n" }.joined())
            case .add(let file):
                try directory.prepare()
                let exported = try exported(in: file)
                let id = try keys.trust(exported)
                say("\(id)  \(printable(exported.host))\n")
            case .remove(let id):
                guard try keys.forget(id) else {
                    context.log.error(
                        "no key \(printable(id)) was imported; stillpoint trust --list shows those that were")
                    return .usage
                }
            }
            return .done
        }
    }

    private func exported(in file: String) throws -> SealKeys.Exported {
        let bytes: [UInt8]
        do {
            bytes = try file == "-" ? standardInput() : FileAccess.read(file, limit: Self.mostOfKey)
        } catch {
            throw RestoreError(.refused, "cannot read \(printable(file, limit: 300))", cause: error)
        }
        do throws(StateError) {
            return try StateFile.decode(
                SealKeys.Exported.self, bytes, from: printable(file, limit: 300), newest: SealKeys.Exported.format,
                fix: (damaged: "", newer: "use the version that wrote it"))
        } catch {
            throw error.code == .damaged ? Self.noKey(in: file) : error
        }
    }

    private static func noKey(in file: String) -> any Error {
        RestoreError(
            .refused,
            "\(printable(file, limit: 300)) holds no key as 'stillpoint trust --show' prints it on the host that takes the "
                + "snapshots")
    }

    private static let mostOfKey = 64 << 10

    /// Waits for it: it may come from another host.
    private func standardInput() throws -> [UInt8] {
        var (bytes, piece): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 4096))
        while bytes.count <= Self.mostOfKey {
            let count = try piece.withUnsafeMutableBytes { try FileDescriptor.standardInput.read(into: $0) }
            if count == 0 { break }
            bytes += piece[..<count]
        }
        return bytes
    }
}
