internal import Glibc

/// Lets a write to a libvirtd that has just died fail, where it would end this process by SIGPIPE: libvirt's client
/// leaves that to the program.
func surviveBrokenPipes() {
    signal(SIGPIPE, SIG_IGN)
}
