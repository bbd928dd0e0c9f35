import Glibc

@testable import DiskLocation
@testable import VSphereHypervisor

/// mountinfo, exports(5) and the names of LUNs.
func fuzzMounts(_ bytes: [UInt8]) {
    let table = MountTable(mountinfo: bytes)
    for path in ["/", "/tank/VM", "/tank/VM/a.raw"] + table.mounts.prefix(8).map(\.mountPoint) {
        guard let mount = table.mount(containing: path) else { continue }
        invariant(table.mounts.contains(mount), "the mount of \(path) is not in the table")
    }
    for dataset in table.datasets.prefix(8) {
        for point in table.mountPoints(of: dataset) {
            invariant(point.hasPrefix("/"), "\(point) is no mount point")
            invariant(table.mounts.contains { $0.mountPoint == point }, "\(point) is not in the table")
        }
    }
    ScratchFile.write(bytes, to: root + "/etc/exports")
    let exports = NFSExports(root: root)
    for folder in exports.folders { invariant(folder.hasPrefix("/"), "\(folder) is exported") }
    if let root = exports.pseudoRoot { invariant(exports.folders.contains(root), "the root is not exported") }
    invariant(!exports.candidates(for: "/tank/VM").isEmpty, "a path means no folder")
    let naa = LIOBackstore.naa(serial: Substring(String(decoding: bytes.prefix(256), as: UTF8.self)), company: 0x001405)
    invariant(naa.utf8.count == 36 && naa.hasPrefix("naa.6001405"), "\(naa) is no LUN's name")
}

private let root: String = {
    let path = ScratchFile.path + ".root"
    mkdir(path, 0o700)
    mkdir(path + "/etc", 0o700)
    return path
}()

/// Certificates: no slice beyond the input, and base64 both ways.
func fuzzTLS(_ bytes: [UInt8]) {
    if let key = DER.publicKeyInfo(ofCertificate: bytes) {
        invariant(key.startIndex >= 0 && key.endIndex <= bytes.count && !key.isEmpty, "a key beyond its certificate")
    }
    let text = Base64.encode(bytes)
    invariant(text.utf8.count == (bytes.count + 2) / 3 * 4, "base64 of another length")
    invariant(Base64.decode(text) == bytes, "decode(encode(x)) is not x")
    _ = Base64.decode(String(decoding: bytes, as: UTF8.self))
    let pem = "-----BEGIN CERTIFICATE-----\n\(text)\n-----END CERTIFICATE-----\n"
    let isCertificate = DER.publicKeyInfo(ofCertificate: bytes) != nil
    for written in [pem, String(decoding: bytes, as: UTF8.self)] {
        guard let print = Thumbprint(pem: written) else { continue }
        invariant(print.digits.utf8.count == 64 && print.publicKey.utf8.count == 44, "a thumbprint of another length")
    }
    invariant((Thumbprint(pem: pem) != nil) == isCertificate, "PEM and DER are judged differently")
    let name = String(decoding: bytes.prefix(4096), as: UTF8.self)
    _ = unescaped(name)
}
