internal import Hypervisor

/// Tells one VM from all others, on whichever hypervisor.
///
/// A UUID does so alone, also when the hypervisor's section is renamed while a run is open. A MoRef such as `vm-101` is
/// only its own server's, and the next vCenter may have one like it.
package struct VMKey: Sendable, Hashable {
    private let id: String
    private let hypervisor: String?

    package init(_ id: String, of hypervisor: String) {
        self.id = id
        self.hypervisor = Self.isUUID(id) ? nil : hypervisor
    }

    private static func isUUID(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        return parts.map(\.count) == [8, 4, 4, 4, 12]
            && parts.joined().allSatisfy { Character(UnicodeScalar($0)).isHexDigit }
    }
}

extension VMRecord {
    package var key: VMKey { VMKey(id, of: hypervisor) }
}

extension RestorePointVM {
    package var key: VMKey { VMKey(id, of: hypervisor) }
}

extension SavedDefinition {
    package var key: VMKey { VMKey(id, of: hypervisor) }
}
