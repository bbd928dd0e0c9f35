/// How long a call may take, and how long its answer may be.
struct CurlLimits: Sendable {
    /// To connect, the handshake included.
    var connecting = Duration.seconds(10)
    /// For all of it.
    var whole: Duration
    /// The longest answer in bytes.
    var bytes = 64 << 20
}
