/// How long a call may take, and how long its answer may be.
package struct CurlLimits: Sendable {
    /// To connect, the handshake included.
    package var connecting = Duration.seconds(10)
    /// For all of it.
    package var whole: Duration
    /// The longest answer in bytes.
    package var bytes = 64 << 20

    package init(connecting: Duration = .seconds(10), whole: Duration, bytes: Int = 64 << 20) {
        self.connecting = connecting
        self.whole = whole
        self.bytes = bytes
    }
}
