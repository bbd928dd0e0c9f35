/*
 * nth CALL,CALL… count|EIO|ENOSPC|KILL N|@TEXT REPORT COMMAND…: of these system calls, which COMMAND and all that it
 * starts make, the N-th (or the first whose file has TEXT in its name) fails with an error, or ends its process.
 * strace's inject= counts for each thread, and a program that does each blocking step on a thread of its own would never
 * be struck past the first.
 *
 * REPORT gets a line for each call counted, `hit` for the one that was struck, and `exit STATUS` when COMMAND ends; this
 * program continues with what COMMAND left behind. Writes to pipes and event counters are not counted: they are no storage
 * and never fail so.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the lab's machine is x86_64"
#endif

enum kind { DESCRIPTOR, PATH, PATH_AT };

static const struct call {
	const char *name;
	int number;
	enum kind kind;
} calls[] = {
	{ "write", SYS_write, DESCRIPTOR },	  { "pwrite64", SYS_pwrite64, DESCRIPTOR },
	{ "writev", SYS_writev, DESCRIPTOR },	  { "sendto", SYS_sendto, DESCRIPTOR },
	{ "sendmsg", SYS_sendmsg, DESCRIPTOR },	  { "fsync", SYS_fsync, DESCRIPTOR },
	{ "fdatasync", SYS_fdatasync, DESCRIPTOR }, { "rename", SYS_rename, PATH },
	{ "renameat", SYS_renameat, PATH_AT },	  { "renameat2", SYS_renameat2, PATH_AT },
	{ "unlink", SYS_unlink, PATH },		  { "unlinkat", SYS_unlinkat, PATH_AT },
	{ "rmdir", SYS_rmdir, PATH },		  { "open", SYS_open, PATH },
	{ "openat", SYS_openat, PATH_AT },	  { "execve", SYS_execve, PATH },
};
#define CALLS (sizeof calls / sizeof *calls)

static FILE *report;
static long counted, wanted;
static const char *wanted_text;
static int error_number, is_kill, is_count, seen_first_exec;

static const struct call *call_numbered(long number)
{
	for (size_t i = 0; i < CALLS; i++)
		if (calls[i].number == number)
			return &calls[i];
	return NULL;
}

/* Only these stop for us; all else runs at full speed. */
static void install_filter(char *names)
{
	struct sock_filter filter[2 * CALLS + 2];
	unsigned short length = 0;

	filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
		size_t i = 0;

		while (i < CALLS && strcmp(calls[i].name, name) != 0)
			i++;
		if (i == CALLS || length > 2 * CALLS)
			errx(2, "unknown call %s", name);
		filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 1);
		filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	}
	filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &(struct sock_fprog){ length, filter }) < 0)
		err(2, "seccomp");
}

static void target(pid_t pid, const struct call *call, const struct user_regs_struct *registers, char text[256])
{
	char link[64];
	unsigned long address = call->kind == PATH_AT ? registers->rsi : registers->rdi;
	ssize_t length;

	if (call->kind == DESCRIPTOR) {
		snprintf(link, sizeof link, "/proc/%d/fd/%d", pid, (int)registers->rdi);
		length = readlink(link, text, 255);
	} else {
		struct iovec here = { text, 255 }, there = { (void *)address, 255 };

		length = process_vm_readv(pid, &here, 1, &there, 1, 0);
		/* Near the end of its page. */
		if (length < 0) {
			here.iov_len = there.iov_len = 4096 - address % 4096 < 255 ? 4096 - address % 4096 : 255;
			length = process_vm_readv(pid, &here, 1, &there, 1, 0);
		}
	}
	text[length < 0 ? 0 : length] = 0;
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = ' ';
}

static void at_call(pid_t pid)
{
	struct user_regs_struct registers;
	const struct call *call;
	char text[256];

	if (ptrace(PTRACE_GETREGS, pid, 0, &registers) < 0 || !(call = call_numbered(registers.orig_rax)))
		return;
	/* The one that starts COMMAND. */
	if (call->number == SYS_execve && !seen_first_exec++)
		return;
	target(pid, call, &registers, text);
	if (call->kind == DESCRIPTOR && (strncmp(text, "pipe:", 5) == 0 || strncmp(text, "anon_inode:", 11) == 0))
		return;
	/* What the loader opens and cannot hurt: it fails before the program has begun. */
	if ((call->number == SYS_open || call->number == SYS_openat)
	    && ((strstr(text, ".so") && !strstr(text, "libvirt.so")) || strstr(text, "/locale/")))
		return;
	/* One of PATH's folders that has no such program. */
	if (call->number == SYS_execve && access(text, X_OK) < 0)
		return;
	counted++;
	if (wanted_text && strstr(text, wanted_text)) {
		wanted = counted;
		wanted_text = NULL;
	}
	if (is_count || counted == wanted)
		fprintf(report, "%s %ld %d %s %s\n", is_count ? "call" : "hit", counted, pid, call->name, text);
	fflush(report);
	if (is_count || counted != wanted)
		return;
	if (is_kill) {
		kill(pid, SIGKILL);
		return;
	}
	registers.orig_rax = -1;
	registers.rax = -error_number;
	ptrace(PTRACE_SETREGS, pid, 0, &registers);
}

static void follow(pid_t first)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		int event = status >> 16, signal = 0;

		if (pid <= 0)
			continue;
		if (!WIFSTOPPED(status)) {
			if (pid == first) {
				fprintf(report, "exit %d\n",
					WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
				fflush(report);
			}
			continue;
		}
		if (event == PTRACE_EVENT_SECCOMP)
			at_call(pid);
		else if (event == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP) {
			ptrace(PTRACE_LISTEN, pid, 0, 0);
			continue;
		} else if (event == 0)
			signal = WSTOPSIG(status);
		ptrace(PTRACE_CONT, pid, 0, signal);
	}
}

int main(int argc, char **argv)
{
	pid_t child;
	char *program;
	long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK
		| PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;

	if (argc < 6)
		errx(2, "usage: nth CALL,CALL… count|EIO|ENOSPC|KILL N|@TEXT REPORT COMMAND…");
	is_count = strcmp(argv[2], "count") == 0;
	is_kill = strcmp(argv[2], "KILL") == 0;
	error_number = strcmp(argv[2], "ENOSPC") == 0 ? ENOSPC : EIO;
	wanted = atol(argv[3]);
	if (*argv[3] == '@')
		wanted_text = argv[3] + 1;
	if (!(report = fopen(argv[4], "we")))
		err(2, "%s", argv[4]);
	child = fork();
	if (child < 0)
		err(2, "fork");
	if (child == 0) {
		raise(SIGSTOP);
		install_filter(argv[1]);
		program = argv[5];
		if (getenv("NTH_CALLED_AS"))
			argv[5] = getenv("NTH_CALLED_AS");
		execvp(program, argv + 5);
		err(127, "%s", program);
	}
	waitpid(child, NULL, WUNTRACED);
	if (ptrace(PTRACE_SEIZE, child, 0, options) < 0)
		err(2, "ptrace");
	kill(child, SIGCONT);
	follow(child);
	return 0;
}
