internal import Configuration
internal import Hypervisor

extension Configuration {
    /// Checks that `ram_dir` and `cold_storage` are nobody else's to change, before a RAM dump in them is believed or deleted.
    ///
    /// One that is not there, or hangs, is left to those who need it.
    /// - Throws: WorkFolderError `.notTrusted`.
    package func requireTrustInDumps() async throws {
        var folders = [WorkFolder(key: .ramDirectory, path: shared.ramDirectory)]
        if let coldStorage { folders.append(WorkFolder(key: .coldStorage, path: coldStorage)) }
        for folder in folders {
            do {
                try await blocking("checking \(folder.key.rawValue)", within: .seconds(2)) {
                    try folder.requireTrust()
                }
            } catch let problem as WorkFolderError where problem.code == .notTrusted {
                throw problem
            } catch {
                continue
            }
        }
    }
}
