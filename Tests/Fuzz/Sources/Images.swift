import Glibc

@testable import DiskLocation
@testable import LibvirtHypervisor
@testable import RAMArchive

/// A dump's head: writing another XML must leave the RAM where it is.
func fuzzSaveImage(_ bytes: [UInt8]) {
    ScratchFile.write(bytes)
    _ = try? SaveImage.state(of: ScratchFile.path)
    guard let image = try? SaveImage(path: ScratchFile.path) else { return }
    let head = bytes[20..<24].reversed().reduce(0) { $0 << 8 | Int($1) }
    let ram = bytes[(SaveImageHeader.length + head)...]
    let xml = "<domain>\(bytes.count)</domain>"
    do {
        try image.replaceXML(with: xml)
    } catch {
        invariant(ScratchFile.read() == bytes, "a refused change was written")
        return
    }
    let now = ScratchFile.read()
    invariant(now.count == bytes.count, "the dump has another length")
    invariant(now[(SaveImageHeader.length + head)...] == ram, "the RAM was moved")
    invariant(now.prefix(16) == bytes.prefix(16), "the dump's state was changed")
    invariant((try? SaveImage(path: ScratchFile.path))?.xml == xml, "what was written is not read")
}

/// A qcow2 header. Whoever wrote it may want another file to be opened, or to be waited for.
func fuzzQcow2(_ bytes: [UInt8]) {
    ScratchFile.write(bytes)
    let content = try? OverlayContent.read(ScratchFile.path)
    let again = try? OverlayContent.read(ScratchFile.path)
    invariant(content == again, "it is read in two ways")
    if !bytes.starts(with: [0x51, 0x46, 0x49, 0xFB]) {
        invariant(content == .unfinished, "what is no qcow2 is \(String(describing: content))")
    }
    if content == .unwritten {
        // What the specification says of where the first table is, read here anew.
        let entries = bytes[36..<40].reduce(0) { $0 << 8 | Int($1) }
        let offset = bytes[40..<48].reduce(0) { $0 << 8 | Int($1) }
        let table = bytes.dropFirst(offset).prefix(entries * 8)
        invariant(table.count == entries * 8 && table.allSatisfy { $0 == 0 }, "a written overlay is called unwritten")
    }
    guard let header = try? ImageHeader(bytes: Array(bytes.prefix(ImageHeader.longest)), fileSize: UInt64(bytes.count))
    else { return }
    if header.hasDataFile {
        invariant(content != .unwritten && content != .written, "an overlay with a data file is taken for one")
    }
    // QCOW_MAX_L1_SIZE of QEMU's block/qcow2.h.
    invariant(header.firstTable.count <= 32 << 20, "the first table is too long")
    invariant(header.firstTable.upperBound <= bytes.count, "the first table lies behind the file's end")
    guard let below = header.backing?.name else { return }
    invariant(below.utf8.count <= 1023 && !below.utf8.contains(0), "the backing file has no name")
    if let path = ImageChain.localPath(below, from: ScratchFile.path) {
        invariant(path.hasPrefix("/"), "\(path) is no path of this host")
    }
}

/// An archive, whole or damaged, and what its side-car says of it: the first eight bytes are the length it claims.
func fuzzArchive(_ bytes: [UInt8]) {
    guard bytes.count > 9 else { return }
    let archive = bytes.dropFirst(9)
    let plain = bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) } & 0xFFF_FFFF
    let compression: Compression = bytes[8] & 1 == 0 ? .zstd : .none
    ScratchFile.write(archive)
    let destination = ScratchFile.path + ".ram"
    unlink(destination)
    // What the archive holds is not known, so that the checksum is wrong: all else of it is read before.
    let expected = PackedDump(
        plainBytes: plain, storedBytes: UInt64(archive.count), sha256: String(repeating: "0", count: 64),
        compression: compression)
    var written: UInt64 = 0
    do {
        let input = try InputFile(ScratchFile.path)
        try unpack(input, expecting: expected, progress: nil) { part in
            written += UInt64(part.count)
            invariant(written <= plain, "more is written than the side-car tells")
        }
        invariant(false, "a wrong checksum was accepted")
    } catch {}
    invariant((try? unpack(ScratchFile.path, expecting: expected, to: destination, progress: nil)) == nil, "accepted")
    invariant(access(destination, F_OK) != 0, "a damaged dump was left")
}
