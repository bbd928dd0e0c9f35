internal import CJansson

/// The one owner of a value of jansson's.
struct JanssonValue: ~Copyable {
    let pointer: UnsafeMutablePointer<json_t>

    /// - Parameter pointer: a reference that nobody else gives back; nil where jansson had no memory.
    init(_ pointer: UnsafeMutablePointer<json_t>?) throws(JSONError) {
        guard let pointer else { throw JSONError(.unwritable, "out of memory") }
        self.pointer = pointer
    }

    deinit {
        cjansson_release(pointer)
    }

    /// Hands the reference to a function of jansson's that takes it over, which it does also when it fails.
    consuming func surrender() -> UnsafeMutablePointer<json_t> {
        let pointer = pointer
        discard self
        return pointer
    }
}
