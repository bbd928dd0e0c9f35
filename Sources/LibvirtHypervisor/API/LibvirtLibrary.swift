internal import CLibvirt
internal import Hypervisor
internal import Support

/// libvirt's client library, found on first need.
struct LibvirtLibrary: @unchecked Sendable {
    // Unchecked: a table of function pointers that nobody writes once it is filled.
    let functions: CLibvirt

    /// Opens libvirt.so.0 the first time it is called.
    /// - Throws: HypervisorError `.unreachable` when it is missing or too old.
    static func load() throws(HypervisorError) -> LibvirtLibrary {
        try loaded.get()
    }

    private static let loaded: Result<LibvirtLibrary, HypervisorError> = {
        var problem: UnsafePointer<CChar>?
        guard let table = clibvirt_load(&problem) else {
            let reason = problem.map { String(cString: $0) } ?? "unknown reason"
            return .failure(
                HypervisorError(
                    .unreachable, "libvirt's client library cannot be loaded (\(reason)); install the package libvirt0",
                    remedy: .stop))
        }
        guard table.pointee.virInitialize() == 0 else {
            return .failure(HypervisorError(.unreachable, "libvirt cannot be initialised", remedy: .stop))
        }
        // Without a function of our own libvirt prints each error on standard error.
        table.pointee.virSetErrorFunc(nil, dropError)
        return .success(LibvirtLibrary(functions: table.pointee))
    }()

    /// A domain's UUID as text.
    func uuid(of domain: virDomainPtr) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(VIR_UUID_STRING_BUFLEN)) { buffer in
            functions.virDomainGetUUIDString(domain, buffer.baseAddress) == 0
                ? buffer.baseAddress.map { String(cString: $0) } : nil
        }
    }

    /// The calling thread's last libvirt error.
    /// - Parameter action: what was tried, for the message: "freezing web01".
    func lastError(_ action: String) -> LibvirtError {
        guard let error = functions.virGetLastError() else {
            return LibvirtError(number: 0, message: "\(action): unknown error")
        }
        let message = error.pointee.message.map { String(cString: $0) } ?? "unknown error"
        return LibvirtError(number: error.pointee.code, message: "\(action): \(message)")
    }
}

private nonisolated func dropError(_ userData: UnsafeMutableRawPointer?, _ error: virErrorPtr?) {}
