internal import Support
public import SystemPackage

extension ImageHeader {
    /// The header of an image that its definition calls qcow2. Ask for no other: what a guest wrote at the beginning of
    /// its raw disk is no header.
    ///
    /// - Throws: ``StorageError``: `notFound`, `unreadable`, and those of ``init(bytes:fileSize:)``.
    public static func read(at path: String) throws(StorageError) -> ImageHeader {
        try read(ImageFile(path))
    }

    /// The same of a file that was found before.
    public static func read(_ file: ImageFile) throws(StorageError) -> ImageHeader {
        do {
            return try file.withOpen { try read($0, size: file.size) }
        } catch {
            throw (error as? StorageError)?.about(file.path)
                ?? ImageFile.failure(error as? Errno ?? .ioError, file.path)
        }
    }

    /// The same of an open one.
    /// - Parameter size: its length as far as it matters; nil for a device.
    /// - Throws: ``StorageError`` without the image's name; the system's error number.
    public static func read(_ file: FileDescriptor, size: UInt64?) throws -> ImageHeader {
        let page = 4096
        let start = try file.bytes(at: 0, count: page)
        let first = Result { () throws(StorageError) in try ImageHeader(bytes: start, fileSize: size) }
        // QEMU's own fit into the first page, all but those with a very long name in a header full of extensions.
        guard case .failure(let error) = first, error.code == .cutOff, start.count == page else {
            return try first.get()
        }
        return try ImageHeader(bytes: file.bytes(at: 0, count: longest), fileSize: size)
    }
}

extension StorageError {
    /// The same with the image's name, where the code is one of a header.
    func about(_ image: String) -> StorageError {
        switch code {
        case .badImage, .cutOff, .otherFormat:
            StorageError(
                code,
                "'\(printable(image, limit: 300))' is not read as qcow2: \(message); inspect it with: qemu-img info",
                cause: cause)
        default: self
        }
    }
}
