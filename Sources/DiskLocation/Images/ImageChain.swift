/// What lies below an image of which a definition says no more than path and format.
///
/// libvirt lists the images below a running domain's; of one that is off only the images themselves know. Three rules keep
/// a header, which whoever serves the guest may write, from leading root somewhere:
/// - It is read only where the definition says, or the header above it, that the image is qcow2. Nothing is found out from
///   an image's first bytes: those of a raw image are the guest's.
/// - The name that it holds is noted, so that its dataset can be told. It is not opened for that.
/// - What it names is opened, for its own header, only where it is a regular file, no symbolic link, on the very file
///   system that holds the image which names it: whoever may write that header may write those files too. A base on
///   another dataset, or on a device, ends the chain.
public enum ImageChain {
    /// libvirt's VIR_STORAGE_MAX_CHAIN_DEPTH.
    public static let longest = 200

    /// An image below another one.
    public struct Layer: Sendable, Codable, Equatable {
        /// An absolute path.
        public let path: String
        /// `raw`, `qcow2`; nil where nobody said.
        public let format: String?

        /// An image of that format.
        public init(path: String, format: String?) {
            self.path = path
            self.format = format
        }
    }

    /// The images below one, as the headers say; none where its format is not qcow2, or it cannot be read.
    ///
    /// The chain ends at a name that is no path of this host, and where it would go in a circle.
    public static func layers(below image: String, format: String) -> [Layer] {
        guard format == "qcow2", var file = try? ImageFile(image) else { return [] }
        var layers: [Layer] = []
        var seen: Set<ImageFile.Identity> = [file.identity]
        while layers.count < longest, let backing = (try? ImageHeader.read(file))?.backing,
            let path = localPath(backing.name, from: file.path), !layers.contains(where: { $0.path == path }),
            path != image
        {
            layers.append(Layer(path: path, format: backing.format))
            guard backing.format == "qcow2", let fileSystem = file.identity.fileSystem,
                let next = try? ImageFile(path, followingLinks: false), next.identity.fileSystem == fileSystem,
                seen.insert(next.identity).inserted
            else { break }
            file = next
        }
        return layers
    }

    /// The path that a header's name for its backing file means; nil for one with a protocol.
    ///
    /// A relative one is taken from the image's folder, as QEMU takes it.
    public static func localPath(_ name: String, from image: String) -> String? {
        if name.hasPrefix("file:") && !name.hasPrefix("file://") {
            return localPath(String(name.dropFirst(5)), from: image)
        }
        if name.hasPrefix("/") { return name }
        // QEMU's path_has_protocol: a colon before any slash.
        if let mark = name.first(where: { $0 == ":" || $0 == "/" }), mark == ":" { return nil }
        guard !name.isEmpty, image.hasPrefix("/"), let slash = image.lastIndex(of: "/") else { return nil }
        return image[...slash] + name
    }
}
