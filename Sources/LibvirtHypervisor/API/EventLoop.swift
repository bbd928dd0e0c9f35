internal import CLibvirt
internal import Support

/// libvirt's own event loop on a thread of its own, for the life of the process.
///
/// It must be registered before the connection that is to deliver events is opened (virEventRegisterDefaultImpl).
enum EventLoop {
    /// Starts it the first time it is called.
    static func start() throws {
        try started.get()
    }

    private static let started = Result<Void, any Error> {
        let library = try LibvirtLibrary.load()
        guard library.functions.virEventRegisterDefaultImpl() == 0 else {
            throw library.lastError("starting the event loop")
        }
        startThread {
            while library.functions.virEventRunDefaultImpl() == 0 {}
        }
    }
}
