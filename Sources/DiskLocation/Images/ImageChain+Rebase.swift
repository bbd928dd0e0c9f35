internal import Support

extension ImageChain {
    /// Has a qcow2 image name another backing file of the same content (`qemu-img rebase -u`).
    ///
    /// - Parameters:
    ///   - image: qcow2, as its definition says.
    ///   - backing: an absolute path; it is not opened.
    ///   - format: the backing file's, as it was recorded, and not found.
    /// - Throws: ``StorageError`` `badImage` where the header says more than that its data lies here and there is
    ///   something below, and where qemu-img fails or is not there; those of ``ImageFile``.
    public static func rebase(_ image: ImageFile, onto backing: String, format: String) async throws(StorageError) {
        // QEMU knows formats that name files of their own: vmdk, qed, vdi.
        guard ["raw", "qcow2"].contains(format) else {
            throw StorageError(
                .badImage,
                "'\(printable(backing, limit: 300))' is of the format \(printable(format)), which is put below no image"
            )
        }
        let header = try ImageHeader.read(image)
        guard !header.hasDataFile, !header.isCorrupt else {
            throw failure(image, header.hasDataFile ? "its header names a data file" : "it is corrupt")
        }
        let problem: String?
        do throws(ChildProcess.Failure) {
            problem = try await ConfinedQEMUImg.problem(
                ["rebase", "-u", "-f", "qcow2", "-F", format, "-b", backing, ConfinedQEMUImg.name(of: image)],
                [Confinement.Grant(image, isWritable: true)], within: .seconds(60),
                // A longer name may fill another cluster.
                fileSize: (image.size ?? 0) + (64 << 20))
        } catch {
            problem = "\(error)"
        }
        if let problem { throw failure(image, problem) }
    }

    private static func failure(_ image: ImageFile, _ problem: String) -> StorageError {
        StorageError(
            .badImage,
            "'\(printable(image.path, limit: 300))' still names its old backing file: \(printable(problem, limit: 300))"
        )
    }
}
