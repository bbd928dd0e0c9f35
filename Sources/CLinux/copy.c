#define _GNU_SOURCE
#include "CLinux.h"

#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

_Static_assert(STILLPOINT_SEEK_DATA == SEEK_DATA && STILLPOINT_SEEK_HOLE == SEEK_HOLE, "lseek(2)");

/* OpenZFS's zfs_vfsops.h: it is in none of the kernel's headers. */
#define ZFS_SUPER_MAGIC 0x2fc12fc1

int stillpoint_compresses(int file) {
	struct statfs system;

	return fstatfs(file, &system) == 0 && (system.f_type == ZFS_SUPER_MAGIC || system.f_type == BTRFS_SUPER_MAGIC);
}

ssize_t stillpoint_copy_range(int input, int output, long long offset, size_t count) {
	off_t from = offset, to = offset;

	return copy_file_range(input, &from, output, &to, count, 0);
}
