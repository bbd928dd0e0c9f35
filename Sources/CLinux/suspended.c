#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOEXEC_SEAL 8u
#define GATE 3

int stillpoint_memory_file(const void *bytes, size_t count) {
	const char *next = bytes;
	/* From Linux 6.3 on the kernel wants to be told; before, it does not know the flag. */
	int made = memfd_create("stillpoint", MFD_CLOEXEC | NOEXEC_SEAL);
	int file;

	if (made < 0 && errno == EINVAL) made = memfd_create("stillpoint", MFD_CLOEXEC);
	if (made < 0) return -1;
	/* Not 0, 1 or 2, which a child gets made anew. */
	file = fcntl(made, F_DUPFD_CLOEXEC, 3);
	close(made);
	if (file < 0) return -1;
	while (count > 0) {
		ssize_t written = write(file, next, count);

		if (written < 0 && errno == EINTR) continue;
		if (written <= 0) {
			int problem = written < 0 ? errno : EIO;

			close(file);
			errno = problem;
			return -1;
		}
		next += written;
		count -= (size_t)written;
	}
	if (lseek(file, 0, SEEK_SET) == 0) return file;
	close(file);
	return -1;
}

int *stillpoint_shared_number(void) {
	int *number = mmap(NULL, sizeof *number, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return number == MAP_FAILED ? NULL : number;
}

void stillpoint_free_shared_number(int *number) { munmap(number, sizeof *number); }

static void close_from(unsigned first) {
	struct rlimit files;
	int last = 1 << 16;

	if (syscall(SYS_close_range, first, ~0u, 0) == 0) return;
	/* Before Linux 5.9. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < (rlim_t)last) last = (int)files.rlim_cur;
	for (int number = (int)first; number < last; number++) close(number);
}

/* In the child, a copy of a process that may have had threads: nothing but system calls. Returns only where one failed. */
static int wait_and_become(const char *path, char *const arguments[], char *const environment[], int input, int output,
                           int error, int gate) {
	struct sigaction plain = {.sa_handler = SIG_DFL};
	struct pollfd entry = {.fd = GATE, .events = POLLIN};
	sigset_t none;
	char byte;

	for (int number = 1; number < NSIG; number++) sigaction(number, &plain, NULL);
	if (setsid() < 0 || chdir("/") != 0) return errno;
	if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(error, 2) < 0 || dup2(gate, GATE) < 0) return errno;
	/* Also the gate's other end, of this child's and of those that are started meanwhile: the last holder of it must be the
	 * process that may open it. */
	close_from(GATE + 1);
	if (fcntl(GATE, F_SETFD, FD_CLOEXEC) != 0) return errno;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	while (poll(&entry, 1, -1) < 0 && errno == EINTR) {}
	if (read(GATE, &byte, 1) != 1) return ECANCELED;
	execve(path, arguments, environment);
	return errno;
}

int stillpoint_start_suspended(int *process, const char *path, char *const arguments[], char *const environment[],
                               int input, int output, int error, int gate, int *problem) {
	sigset_t all, before;
	pid_t child;
	int number;

	/* No handler of the parent's may run in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (child == 0) {
		*problem = wait_and_become(path, arguments, environment, input, output, error, gate);
		_exit(127);
	}
	number = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	*process = child;
	return child < 0 ? number : 0;
}
