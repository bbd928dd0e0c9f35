internal import DiskLocation
internal import Engine
internal import Hypervisor
internal import Support

/// The images that a VM is restored with. Whoever may write to the dataset may have put other ones in their places, so that
/// no seal of the definition vouches for them: none may lead to a file that the definition does not name.
struct RestoredImages: Sendable {
    /// From where the definition has an image to where it is read.
    let images: [PathMove]
    /// The formats of all images that the definition names, by paths; nil where nobody vouches for that.
    let formats: [String: String]?

    /// - Parameter places: those that the images may also be based on, where they have been put on each other.
    /// - Throws: RestoreError `.refused`; StorageError.
    func requireHarmless(also places: [String] = []) throws {
        // The beginning of a raw image is its guest's, and is taken for a header by nobody.
        for image in images where formats.map({ $0[image.from] == "qcow2" }) ?? true {
            let found = try Self.file(image.to)
            let header: ImageHeader
            do throws(StorageError) {
                header = try ImageHeader.read(found)
            } catch {
                // A raw image leads nowhere, and no QEMU takes a damaged one for qcow2.
                guard error.code != .otherFormat else { continue }
                throw refusal(image, "\(error)")
            }
            if header.hasDataFile { throw refusal(image, "its header names a data file") }
            guard let backing = header.backing else { continue }
            let path = ImageChain.localPath(backing.name, from: image.from).map(Self.plain) ?? backing.name
            let shown = printable(path, limit: 300)
            guard (places + images.map(\.from) + (formats ?? [:]).keys).contains(where: { Self.isSame($0, path) })
            else {
                throw refusal(
                    image,
                    "its header names \(shown) as what lies below it, and nothing but that; where it belongs there, put it "
                        + "into a <backingStore> of the definition, and take another snapshot")
            }
            // QEMU knows formats that name files of their own: vmdk, qed, vdi.
            let isKnown = backing.format.map { ["raw", "qcow2"].contains($0) || formats?[path] == $0 }
            guard isKnown ?? (formats != nil) else {
                throw refusal(image, "its header calls \(shown) \(printable(backing.format ?? "of no format"))")
            }
        }
    }

    /// An image that is read: through no link that a tenant could have made, and a device by udev's.
    static func file(_ path: String) throws(StorageError) -> ImageFile {
        try ImageFile(path, followingLinks: path.hasPrefix("/dev/"))
    }

    private func refusal(_ image: PathMove, _ reason: String) -> RestoreError {
        RestoreError(.refused, "the image \(printable(image.from, limit: 300)) is not restored: \(reason)")
    }

    private static func isSame(_ one: String, _ other: String) -> Bool { one.utf8.elementsEqual(other.utf8) }

    /// Without `.` and `..`.
    private static func plain(_ path: String) -> String {
        var names: [Substring] = []
        for name in path.split(separator: "/") where name != "." {
            if name == ".." { _ = names.popLast() } else { names.append(name) }
        }
        return "/" + names.joined(separator: "/")
    }
}
