internal import Glibc

/// Lets a write to a libvirtd that has just died fail, where it would end this process by SIGPIPE: libvirt's client
/// leaves that to the program. And takes back what a manager may have set: with SIGCHLD ignored, nobody could be told
/// how a program that this one starts has ended.
package func ignoreSIGPIPE() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGCHLD, SIG_DFL)
}
