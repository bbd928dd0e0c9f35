internal import CCurl
internal import Hypervisor

/// libcurl, found on first need.
struct CurlLibrary: @unchecked Sendable {
    // Unchecked: a table of function pointers that nobody writes once it is filled.
    let functions: UnsafePointer<CCurl>

    /// Opens libcurl the first time it is called.
    /// - Throws: HypervisorError `.unreachable` when it is missing or too old.
    static func load() throws(HypervisorError) -> CurlLibrary {
        try loaded.get()
    }

    private static let loaded: Result<CurlLibrary, HypervisorError> = {
        var problem: UnsafePointer<CChar>?
        guard let table = ccurl_load(&problem) else {
            let reason = problem.map { String(cString: $0) } ?? "unknown reason"
            return .failure(
                HypervisorError(
                    .unreachable,
                    "libcurl cannot be loaded (\(reason)); install the package libcurl4 (Debian 13: "
                        + "libcurl4t64), without which no vSphere server can be reached",
                    remedy: .stop))
        }
        return .success(CurlLibrary(functions: table))
    }()
}
