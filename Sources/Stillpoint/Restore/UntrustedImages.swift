internal import Storage

/// The images of a definition that nobody vouches for: none may lead to a file of the host.
enum UntrustedImages {
    /// - Parameters:
    ///   - images: all that there are, where they are now.
    ///   - allowed: what they may be based on.
    /// - Throws: RestoreError `.refused`; StorageError.
    static func requireHarmless(_ images: [String], on allowed: [String]) throws {
        for path in images {
            let image = try ImageFile(path, followingLinks: false)
            let header: ImageHeader
            do throws(StorageError) {
                header = try ImageHeader.read(image)
            } catch {
                // Whatever the definition calls it: a raw image leads nowhere, and no QEMU takes a damaged one for qcow2.
                guard error.code != .otherFormat else { continue }
                throw RestoreError(.refused, "the image \(printable(path, limit: 300)) is not restored", cause: error)
            }
            let shown = printable(path, limit: 300)
            if header.hasDataFile { throw RestoreError(.refused, "the image \(shown) has its data in another file") }
            if let name = header.backing?.name, !allowed.contains(where: { $0.utf8.elementsEqual(name.utf8) }) {
                throw RestoreError(
                    .refused,
                    "the image \(shown) is based on \(printable(name, limit: 300)), which is none of the VM's in the "
                        + "snapshot")
            }
        }
    }
}
