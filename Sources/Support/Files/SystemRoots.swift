/// Where the kernel's file systems are; a test gives folders of its own.
public struct SystemRoots: Sendable, Equatable {
    /// The process information file system.
    public var proc: String
    /// The device and driver file system.
    public var sys: String
    /// The device nodes.
    public var dev: String

    /// The real places, or others.
    public init(proc: String = "/proc", sys: String = "/sys", dev: String = "/dev") {
        self.proc = proc
        self.sys = sys
        self.dev = dev
    }
}
