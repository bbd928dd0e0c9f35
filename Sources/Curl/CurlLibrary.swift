internal import CCurl

/// libcurl, found on first need.
struct CurlLibrary: @unchecked Sendable {
    // Unchecked: a table of function pointers that nobody writes once it is filled.
    let functions: UnsafePointer<CCurl>

    /// Opens libcurl the first time it is called.
    /// - Throws: CurlError `.missing`, also when it is too old.
    static func load() throws(CurlError) -> CurlLibrary {
        try loaded.get()
    }

    private static let loaded: Result<CurlLibrary, CurlError> = {
        var problem: UnsafePointer<CChar>?
        guard let table = ccurl_load(&problem) else {
            let reason = problem.map { String(cString: $0) } ?? "unknown reason"
            return .failure(
                CurlError(
                    .missing,
                    "libcurl cannot be loaded (\(reason)); install the package libcurl4 (Debian 13: libcurl4t64)"))
        }
        return .success(CurlLibrary(functions: table))
    }()
}
