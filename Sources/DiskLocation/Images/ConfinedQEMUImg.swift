public import Support
internal import SystemPackage

/// The one place where qemu-img is called.
///
/// It is given images as descriptors (`/proc/self/fd/N`): those that were checked, whatever comes to their paths. It is
/// told the format of each layer, finds out none, and opens none that its arguments do not have.
public enum ConfinedQEMUImg {
    /// An image of a chain, as qemu-img is told of it.
    public struct Layer: Sendable {
        /// The image.
        public let image: ImageFile
        /// `raw`, `qcow2`.
        public let format: String

        /// An image of that format.
        public init(_ image: ImageFile, format: String) {
            self.image = image
            self.format = format
        }
    }

    /// Runs it to its end.
    ///
    /// - Parameters:
    ///   - arguments: images in them by ``name(of:)`` or ``chain(_:)``.
    ///   - images: all of those.
    ///   - fileSize: the bytes that an image may grow to.
    /// - Returns: its first word of complaint, with the images' paths; nil where it has none.
    /// - Throws: ``ChildProcess/Failure``.
    public static func problem(
        _ arguments: [String], _ images: [Confinement.Grant], within limit: Duration, fileSize: UInt64
    ) async throws(ChildProcess.Failure) -> String? {
        guard let program = programPath("qemu-img") else { throw .notStarted(.noSuchFileOrDirectory) }
        let outcome = try await ChildProcess.run(
            program, arguments, within: limit,
            confinement: Confinement(images, within: limit, fileSize: fileSize))
        if outcome.exitStatus == 0 { return nil }
        // After a failed create it says first that it cannot delete what is not its own.
        let lines = outcome.error.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        guard let line = lines.first(where: { !$0.has("Error when deleting file") }) ?? lines.first else {
            return outcome.exitStatus == nil
                ? "it was ended by a signal; it may have asked for more memory, time or storage than it is given"
                : "no reason given"
        }
        // The longest numbers first: `/proc/self/fd/1` is the beginning of another one's name.
        return images.map(\.file).sorted { $0.descriptor > $1.descriptor }
            .reduce(line) { $0.putting($1.path, for: name(of: $1)) }
    }

    /// How an argument names an image.
    public static func name(of image: any OpenFile) -> String { "/proc/self/fd/\(image.descriptor)" }

    /// How an argument names an image with all that lies below it, so that no header is asked for that: the top first.
    ///
    /// - Throws: ``StorageError`` `badImage` for a format that cannot be one.
    public static func chain(_ layers: [Layer]) throws(StorageError) -> String {
        // From the last one up.
        var below = "null"
        for layer in layers.reversed() {
            guard layer.format.utf8.allSatisfy(ImageHeaderReader.isPartOfFormat), !layer.format.isEmpty else {
                throw StorageError(
                    .badImage, "'\(printable(layer.image.path))' cannot be of the format '\(printable(layer.format))'")
            }
            let driver = layer.image.isDevice ? "host_device" : "file"
            let file = #"{"driver":"\#(driver)","filename":"\#(name(of: layer.image))"}"#
            let rest = layer.format == "raw" ? "" : #","backing":\#(below)"#
            below = #"{"driver":"\#(layer.format)","file":\#(file)\#(rest)}"#
        }
        return "json:" + below
    }
}
