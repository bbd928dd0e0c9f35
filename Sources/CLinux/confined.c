#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESTRICT_SELF 446
#define CLOSE_ON_EXEC (1u << 2)

/* The hard limit may be lower than what is asked for, and cannot be raised by everybody. */
static int limit(int resource, unsigned long long value) {
	struct rlimit now;

	if (getrlimit(resource, &now) != 0) return -1;
	if (now.rlim_max == RLIM_INFINITY || value < now.rlim_max) now.rlim_max = value;
	now.rlim_cur = now.rlim_max;
	return setrlimit(resource, &now);
}

/* What a library opened without O_CLOEXEC, or this process was started with. */
static void close_others(void) {
	struct rlimit files;
	int last = 1 << 16;

	if (syscall(SYS_close_range, 3u, ~0u, CLOSE_ON_EXEC) == 0) return;
	/* Before Linux 5.11. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < (rlim_t)last) last = (int)files.rlim_cur;
	for (int number = 3; number < last; number++) fcntl(number, F_SETFD, FD_CLOEXEC);
}

/* In the child, which shares the memory of its parent: nothing but system calls. Returns only where one failed. */
static int become(const char *path, char *const arguments[], char *const environment[], int null, int output, int error,
                  const struct stillpoint_confinement *confinement) {
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < NSIG; number++) sigaction(number, &plain, NULL);
	if (setsid() < 0) return errno;
	if (dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(error, 2) < 0) return errno;
	close_others();
	for (unsigned index = 0; index < confinement->kept_count; index++)
		if (fcntl(confinement->kept[index], F_SETFD, 0) != 0) return errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
	if (limit(RLIMIT_AS, confinement->memory) != 0 || limit(RLIMIT_CPU, confinement->seconds) != 0 ||
	    limit(RLIMIT_FSIZE, confinement->file_size) != 0 || limit(RLIMIT_CORE, 0) != 0)
		return errno;
	if (confinement->ruleset >= 0 && syscall(RESTRICT_SELF, confinement->ruleset, 0) != 0) return errno;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(path, arguments, environment);
	return errno;
}

int stillpoint_start_confined(int *process, const char *path, char *const arguments[], char *const environment[],
                              int null, int output, int error, const struct stillpoint_confinement *confinement) {
	volatile int problem = 0;
	sigset_t all, before;
	pid_t child;

	/* No handler of the parent's may run in the child, on the parent's memory. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child = vfork();
	if (child == 0) {
		problem = become(path, arguments, environment, null, output, error, confinement);
		_exit(127);
	}
	if (child < 0) problem = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (child > 0 && problem != 0) {
		int status;
		while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
	}
	*process = child;
	return problem;
}
