#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int stillpoint_forbid_dumps(void) {
	const struct rlimit none = {0, 0};
	int limited = setrlimit(RLIMIT_CORE, &none);

	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? limited : -1;
}

int stillpoint_pidfd_open(int process) {
	return (int)syscall(SYS_pidfd_open, process, 0);
}

int stillpoint_pidfd_send_signal(int process, int signal) {
	return (int)syscall(SYS_pidfd_send_signal, process, signal, NULL, 0);
}
