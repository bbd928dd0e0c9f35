@testable import Hypervisor
@testable import LibvirtHypervisor
@testable import VSphereHypervisor
@testable import XMLTree

func fuzzXML(_ bytes: [UInt8]) {
    guard let root = try? XMLElement.parse(String(decoding: bytes, as: UTF8.self)) else { return }
    let text = root.description
    guard let again = try? XMLElement.parse(text) else {
        invariant(false, "what was written is not XML")
        return
    }
    invariant(again == root, "parse(write(x)) is not x")
    invariant(again.description == text, "it is written in two ways")
    guard let domain = try? DomainDescription(root, volumePath: { "/pool/\($0)/\($1)" }) else { return }
    _ = domain.machine(.running)
    _ = domain.chains
    _ = domain.obstacle
}

/// An answer of a server's, and all that is made of it.
func fuzzVSphere(_ bytes: [UInt8]) {
    let answer = HTTPResponse(status: bytes.count % 2 == 0 ? 200 : 500, body: bytes, cookie: nil)
    do throws(CallFailure) {
        let result = try answer.result(from: "https://vc1/sdk")
        _ = ServiceContent(result)?.version.action
        _ = ObjectProperties.areWithoutSession(result)
        for object in ObjectProperties.read(result).objects { read(object) }
    } catch {
        invariant(error.description.utf8.count < 8192, "a failure is told in \(error.description.utf8.count) bytes")
        invariant(!error.description.unicodeScalars.contains("\n"), "a failure is told in several lines")
        _ = error.mayHaveActed
        _ = error.isTransient
    }
}

private func read(_ object: ObjectProperties) {
    let details = VMDetails(object)
    for disk in details.devices?.disks ?? [] { invariant(disk.chain.count <= 64, "a chain is too long") }
    for strategy in Strategy.words { _ = details.obstacle(to: strategy, targets: ["scsi0:0"]) }
    _ = details.notes
    _ = Datastore(object)
    let state = VMState(object)
    _ = state.snapshots.map(\.hasMemory)
    _ = TaskState(object).isRunning
}
