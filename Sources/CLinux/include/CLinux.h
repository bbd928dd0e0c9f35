#ifndef CLINUX_H
#define CLINUX_H

#include <sys/types.h>

/* System calls of Linux that glibc has no function for; each gives -1 and sets errno as one of glibc's would. */

/* openat2(2), from Linux 5.6 on, with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS and RESOLVE_NO_SYMLINKS; where
 * `crossing` is 0 with RESOLVE_NO_XDEV too. */
int stillpoint_openat_beneath(int folder, const char *path, int flags, mode_t mode, int crossing);

#endif
