#ifndef CLINUX_H
#define CLINUX_H

/* fgetxattr(2), fsetxattr(2): the system's module for Swift leaves them out. */
#include <sys/xattr.h>

/* lseek(2)'s SEEK_DATA and SEEK_HOLE, and copy_file_range(2) to the same offset in both files: glibc has them for
 * _GNU_SOURCE alone. */
#define STILLPOINT_SEEK_DATA 3
#define STILLPOINT_SEEK_HOLE 4
ssize_t stillpoint_copy_range(int input, int output, long long offset, size_t count);

/* Whether an open file is on a file system that can compress, and tells its holes: OpenZFS, btrfs. */
int stillpoint_compresses(int file);

/* System calls of Linux that glibc has no function for; each gives -1 and sets errno as one of glibc's would. */

/* openat2(2), from Linux 5.6 on, with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS and RESOLVE_NO_SYMLINKS; where
 * `crossing` is 0 with RESOLVE_NO_XDEV too. */
int stillpoint_openat_beneath(int folder, const char *path, int flags, unsigned mode, int crossing);

/* Landlock (landlock(7), from Linux 5.13 on): the version of its interface; 0 where this kernel has none, or was told to do
 * without. */
int stillpoint_landlock_version(void);

/* A ruleset that allows nothing on any file, and no TCP; -1 with errno. */
int stillpoint_landlock_ruleset(void);

/* Allows reading what `descriptor` (O_PATH) is, a folder with all below it, and where `writable` writing to it; programs in
 * a folder may be run. 0, or -1 with errno. */
int stillpoint_landlock_allow(int ruleset, int descriptor, int writable);

/* What a child process is held to. */
struct stillpoint_confinement {
	int ruleset;                  /* of Landlock; -1 for none */
	unsigned long long memory;    /* bytes of address space */
	unsigned long long seconds;   /* of processor time */
	unsigned long long file_size; /* bytes of a file that it writes to */
	const int *kept;              /* descriptors that stay open in it, beside 0, 1 and 2 */
	unsigned kept_count;
};

/* Starts a program in a session of its own, with no signal blocked or ignored, no way to new privileges, no core dump and
 * nothing open but `null` as 0, `output` as 1, `error` as 2 and what is kept. 0, or the number of the error. */
int stillpoint_start_confined(int *process, const char *path, char *const arguments[], char *const environment[],
                              int null, int output, int error, const struct stillpoint_confinement *confinement);

/* Neither a core file nor another user's ptrace(2) may have this process's memory (prctl(2), which is variadic). A
 * program that it starts has memory of its own, which may be dumped to a core handler, but to no file. */
int stillpoint_forbid_dumps(void);

/* pidfd_open(2), from Linux 5.3 on: a descriptor, closed on exec, that stays this process's when its number is another's. */
int stillpoint_pidfd_open(int process);

/* pidfd_send_signal(2), from Linux 5.1 on. */
int stillpoint_pidfd_send_signal(int process, int signal);

/* A file in memory with these bytes, to be read from its beginning; -1 with errno. */
int stillpoint_memory_file(const void *bytes, size_t count);

/* A number, 0 at first, that is shared with the processes that are forked from this one; NULL with errno. */
int *stillpoint_shared_number(void);
void stillpoint_free_shared_number(int *number);

/* Makes a process in a session of its own, in the folder `/`, with no signal blocked or ignored and nothing open but `input`
 * as 0, `output` as 1, `error` as 2, which becomes the program when a byte is written to the pipe that `gate` reads, and ends
 * when nobody can write to that any more. 0, or the number of the error; what fails in the process itself is in `problem`,
 * and its status is 127 then. */
int stillpoint_start_suspended(int *process, const char *path, char *const arguments[], char *const environment[],
                               int input, int output, int error, int gate, int *problem);

#endif
