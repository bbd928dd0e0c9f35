internal import Glibc

/// Whether anything is at a path; where that is a symbolic link, whether it leads to anything.
package func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }
