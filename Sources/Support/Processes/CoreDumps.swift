internal import CLinux

/// Keeps this process's memory out of core dumps: it may hold what others keep secret, keys and passwords.
///
/// To be called first of all. Where it fails there is nothing to be done about it, and nothing depends on it.
public func forbidCoreDumps() {
    _ = stillpoint_forbid_dumps()
}
