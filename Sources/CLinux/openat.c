#define _GNU_SOURCE
#include "CLinux.h"

#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

int stillpoint_openat_beneath(int folder, const char *path, int flags, unsigned mode, int crossing) {
	struct open_how how = {
		.flags = (unsigned int)flags,
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | (crossing ? 0 : RESOLVE_NO_XDEV),
	};

	return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}
