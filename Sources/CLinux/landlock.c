#define _GNU_SOURCE
#include "CLinux.h"

#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of <linux/landlock.h>, which older systems have in part or not at all. */
#define CREATE_RULESET 444
#define ADD_RULE 445
#define VERSION_FLAG 1u
#define PATH_BENEATH 1

#define EXECUTE (1ULL << 0)
#define WRITE_FILE (1ULL << 1)
#define READ_FILE (1ULL << 2)
#define READ_DIR (1ULL << 3)
#define TRUNCATE (1ULL << 14)
#define IOCTL_DEV (1ULL << 15)

struct ruleset {
	uint64_t files;
	uint64_t net;    /* from version 4 on */
	uint64_t scoped; /* from version 6 on */
};

struct beneath {
	uint64_t access;
	int32_t parent;
} __attribute__((packed));

int stillpoint_landlock_version(void) {
	long version = syscall(CREATE_RULESET, NULL, 0, VERSION_FLAG);

	return version < 0 ? 0 : (int)version;
}

/* All that this version knows: a right that is not handled is granted to all. */
static uint64_t handled(int version) {
	unsigned rights = version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13;

	return (1ULL << rights) - 1;
}

int stillpoint_landlock_ruleset(void) {
	int version = stillpoint_landlock_version();
	struct ruleset ruleset = {.files = handled(version), .net = 3, .scoped = 3};
	/* An older kernel refuses what is longer than it knows. */
	size_t size = version >= 6 ? sizeof ruleset : version >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);

	return (int)syscall(CREATE_RULESET, &ruleset, size, 0);
}

int stillpoint_landlock_allow(int ruleset, int descriptor, int writable) {
	struct stat status;
	struct beneath rule = {.access = READ_FILE, .parent = descriptor};

	if (fstat(descriptor, &status) != 0) return -1;
	if (S_ISDIR(status.st_mode)) rule.access |= READ_DIR | EXECUTE;
	if (S_ISREG(status.st_mode) && !writable) rule.access |= EXECUTE;
	if (S_ISBLK(status.st_mode)) rule.access |= IOCTL_DEV;
	if (writable) rule.access |= WRITE_FILE | TRUNCATE;
	rule.access &= handled(stillpoint_landlock_version());
	return (int)syscall(ADD_RULE, ruleset, PATH_BENEATH, &rule, 0);
}
