internal import XMLTree

/// A datastore of the server's.
struct Datastore: Sendable {
    let reference: MoRef
    let name: String
    let kind: DatastoreKind

    /// The properties that it takes.
    static let paths = ["name", "info"]

    init(_ properties: ObjectProperties) {
        reference = properties.object
        let info = properties.values["info"]
        name = properties.text("name") == nil ? info?.name("name") ?? properties.name : properties.name
        if let nas = info?.first("nas"), let path = nas.value("remotePath") {
            var hosts: [String] = []
            for host in [nas.value("remoteHost")] + nas.children(named: "remoteHostNames").map(\.wholeText) {
                // NFS41 may give several in one text.
                for part in (host ?? "").split(whereSeparator: { $0 == "," || $0 == " " }).map(String.init)
                where !hosts.contains(part) { hosts.append(part) }
            }
            kind = .nfs(hosts: hosts, path: path)
        } else if let vmfs = info?.first("vmfs") {
            kind = .vmfs(extents: vmfs.children(named: "extent").compactMap { $0.value("diskName")?.lowercased() })
        } else {
            kind = .other
        }
    }
}

/// What a datastore is made of.
enum DatastoreKind: Sendable, Equatable {
    /// An NFS export: the server's names or addresses, and the path that they export.
    case nfs(hosts: [String], path: String)
    /// A VMFS on LUNs, by their names in lower case: `naa.6001405…`.
    case vmfs(extents: [String])
    /// vSAN, a virtual volume, …
    case other
}
