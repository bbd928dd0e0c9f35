extension ImageChain {
    /// Has a qcow2 image name another backing file of the same content (`qemu-img rebase -u`).
    ///
    /// - Throws: ``StorageError`` `badImage` where qemu-img fails or is not there.
    public static func rebase(_ image: String, onto backing: String) async throws(StorageError) {
        let problem: String
        do {
            let outcome = try await ChildProcess.run(
                programPath("qemu-img") ?? "qemu-img",
                ["rebase", "-u", "-f", "qcow2", "-F", try format(of: backing), "-b", backing, image],
                within: .seconds(60))
            if outcome.exitStatus == 0 { return }
            problem = outcome.firstErrorLine ?? "no reason given"
        } catch {
            problem = "\(error)"
        }
        throw StorageError(
            .badImage,
            "'\(printable(image, limit: 300))' still names its old backing file: \(printable(problem, limit: 300))")
    }

    /// `qcow2`, or `raw` for all that is not.
    private static func format(of image: String) throws -> String {
        try FileAccess.read(image, limit: magic.count) == magic ? "qcow2" : "raw"
    }
}
