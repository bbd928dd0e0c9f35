internal import CLinux

/// Keeps this process's memory out of core dumps: it may hold a guest's RAM, its keys, and a server's password.
///
/// To be called first of all. Where it fails there is nothing to be done about it, and nothing depends on it.
public func forbidCoreDumps() {
    _ = stillpoint_forbid_dumps()
}
