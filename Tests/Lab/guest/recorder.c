/*
 * The lab guest's only program besides busybox and qemu-ga. What it does
 * depends on how it is called:
 *
 *   recorder record DISK     numbered records on /mnt/DISK, told to the console
 *   recorder flood DISK MIB  overwrites a file of that size again and again, as fast as it can
 *   recorder ram             a counter that lives in memory alone
 *   recorder power           runs /sbin/shutdown when the power button is pressed
 *   fsfreeze-hook freeze|thaw   qemu-ga's hook, in C because forks are slow under TCG
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/fs.h>
#include <linux/input.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RECORD_SIZE 16
#define RECORD_INTERVAL_NS 20000000L
#define REPORT_INTERVAL_NS 100000000LL
#define FROZEN_AT "/run/frozen-at"
#define HOOK_DELAY "/etc/hook-delay"
#define SELF_THAW "/etc/self-thaw"

static volatile sig_atomic_t stopping;

static void stop(int signal)
{
	(void)signal;
	stopping = 1;
}

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void sleep_ns(long long ns)
{
	struct timespec t = { ns / 1000000000LL, ns % 1000000000LL };

	nanosleep(&t, NULL);
}

/* One write per line, so that lines of several processes do not mix. */
__attribute__((format(printf, 1, 2)))
static void console(const char *format, ...)
{
	static int fd = -1;
	char line[128];
	va_list arguments;
	int length;

	if (fd < 0)
		fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	va_start(arguments, format);
	length = vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	if (write(fd, line, length) < 0)
		err(1, "console");
}

static void record(const char *disk)
{
	char path[64], line[32];
	struct sigaction on_term = { .sa_handler = stop };
	struct stat status;
	long long last_report = 0;
	long number, reported = 0;
	int fd;

	sigaction(SIGTERM, &on_term, NULL);
	snprintf(path, sizeof path, "/mnt/%s/records", disk);
	fd = open(path, O_WRONLY | O_CREAT, 0644);
	if (fd < 0 || fstat(fd, &status) < 0)
		err(1, "%s", path);

	for (number = status.st_size / RECORD_SIZE; !stopping; sleep_ns(RECORD_INTERVAL_NS)) {
		snprintf(line, sizeof line, "%015ld\n", number + 1);
		if (pwrite(fd, line, RECORD_SIZE, number * RECORD_SIZE) != RECORD_SIZE || fdatasync(fd) < 0) {
			console("ERROR %s %s\n", disk, strerror(errno));
			sleep(1);
			continue;
		}
		number++;
		if (now_ns() - last_report >= REPORT_INTERVAL_NS) {
			console("DURABLE %s %ld\n", disk, number);
			reported = number;
			last_report = now_ns();
		}
	}
	if (reported != number)
		console("DURABLE %s %ld\n", disk, number);
}

static void flood(const char *disk, long mib)
{
	static char block[1 << 20];
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/mnt/%s/flood", disk);
	fd = open(path, O_WRONLY | O_CREAT, 0644);
	if (fd < 0)
		err(1, "%s", path);
	for (unsigned long round = 1;; round++) {
		/* Never the same again, so that nothing is saved by comparing. */
		memset(block, round, sizeof block);
		for (long i = 0; i < mib; i++)
			if (pwrite(fd, block, sizeof block, i * sizeof block) < 0 || fdatasync(fd) < 0) {
				console("ERROR flood %s\n", strerror(errno));
				sleep(1);
			}
	}
}

static void count_in_ram(void)
{
	for (unsigned long n = 1;; n++) {
		console("RAM %lu\n", n);
		sleep(1);
	}
}

static void wait_for_power_button(void)
{
	struct pollfd inputs[8];
	glob_t found;
	size_t count = 0;

	if (glob("/dev/input/event*", 0, NULL, &found) != 0)
		errx(1, "no input devices");
	for (size_t i = 0; i < found.gl_pathc && count < 8; i++) {
		int fd = open(found.gl_pathv[i], O_RDONLY);

		if (fd >= 0)
			inputs[count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	while (poll(inputs, count, -1) > 0)
		for (size_t i = 0; i < count; i++) {
			struct input_event event;

			if (inputs[i].revents && read(inputs[i].fd, &event, sizeof event) == sizeof event
			    && event.type == EV_KEY && event.code == KEY_POWER && event.value == 1)
				execl("/sbin/shutdown", "shutdown", "-P", NULL);
		}
}

/* Leaves proof of this freeze on every disk, while they can still be written. */
static void mark_disks(void)
{
	glob_t found;

	if (glob("/mnt/*/records", 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char path[64], last[64] = "";
		long long uptime_ms = now_ns() / 1000000;
		long number = 0;
		FILE *file;

		snprintf(path, sizeof path, "%.*s/freeze-marks",
			 (int)(strrchr(found.gl_pathv[i], '/') - found.gl_pathv[i]), found.gl_pathv[i]);
		file = fopen(path, "a+");
		if (!file)
			err(1, "%s", path);
		rewind(file);
		while (fgets(last, sizeof last, file))
			sscanf(last, "FREEZE %ld", &number);
		fseek(file, 0, SEEK_END);
		fprintf(file, "FREEZE %ld %lld\n", number + 1, uptime_ms);
		if (fflush(file) != 0 || fsync(fileno(file)) < 0)
			err(1, "%s", path);
		fclose(file);
	}
}

/*
 * How long the kernel really holds writers back, which is what a program in the guest feels: the time between the
 * hook's two calls also has qemu-ga's and the hook's own. Opening with O_CREAT waits for a frozen file system as a
 * write does (mnt_want_write) but makes nothing dirty.
 */
static void watch_writers(void)
{
	glob_t found;
	char path[64];
	long long end = now_ns() + 20000000000LL;

	if (fork() != 0 || setsid() < 0)
		return;
	if (glob("/mnt/*/records", 0, NULL, &found) != 0)
		_exit(1);
	snprintf(path, sizeof path, "%s", found.gl_pathv[0]);
	while (now_ns() < end) {
		long long start = now_ns(), held;
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		held = now_ns() - start;
		if (fd >= 0)
			close(fd);
		/* Longer than a scheduler's turn, and after the hook's end: this was the freeze. */
		if (held > 4000000 && access(FROZEN_AT, F_OK) == 0) {
			console("HELD %.1f\n", held / 1e6);
			break;
		}
		sleep_ns(1000000);
	}
	_exit(0);
}

/*
 * Thaws every disk behind the agent's back, so many seconds after the hook, as Windows' VSS does after ten. With 0 the
 * agent lies: it says that it froze, and nothing is frozen.
 */
static void thaw_behind_back(double seconds)
{
	glob_t found;
	long long end;
	size_t thawed = 0;

	if (fork() != 0 || setsid() < 0)
		return;
	if (glob("/mnt/*", 0, NULL, &found) != 0)
		_exit(1);
	sleep_ns(seconds * 1e9);
	for (end = now_ns() + 10000000000LL; thawed < found.gl_pathc && now_ns() < end; sleep_ns(1000000))
		for (size_t i = 0; i < found.gl_pathc; i++) {
			int fd = open(found.gl_pathv[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

			if (fd >= 0 && ioctl(fd, FITHAW, 0) == 0)
				thawed++;
			if (fd >= 0)
				close(fd);
		}
	_exit(0);
}

static int freeze_hook(const char *action)
{
	FILE *file;
	double delay = 0, self_thaw;
	long long frozen_at;

	if (strcmp(action, "freeze") == 0) {
		if ((file = fopen(HOOK_DELAY, "r"))) {
			if (fscanf(file, "%lf", &delay) == 1)
				sleep_ns(delay * 1e9);
			fclose(file);
		}
		mark_disks();
		if (!(file = fopen(FROZEN_AT, "w")))
			err(1, FROZEN_AT);
		fprintf(file, "%lld", now_ns());
		fclose(file);
		/* For a host that measures by its own clock. */
		console("FREEZING\n");
		watch_writers();
		if ((file = fopen(SELF_THAW, "r"))) {
			if (fscanf(file, "%lf", &self_thaw) == 1)
				thaw_behind_back(self_thaw);
			fclose(file);
		}
	} else if ((file = fopen(FROZEN_AT, "r"))) {
		if (fscanf(file, "%lld", &frozen_at) == 1)
			console("FROZEN %.1f\n", (now_ns() - frozen_at) / 1e6);
		fclose(file);
		unlink(FROZEN_AT);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *action = argc > 1 ? argv[1] : "";

	if (strcmp(basename(argv[0]), "fsfreeze-hook") == 0)
		return freeze_hook(action);
	if (strcmp(action, "record") == 0 && argc == 3)
		record(argv[2]);
	else if (strcmp(action, "flood") == 0 && argc == 4)
		flood(argv[2], atol(argv[3]));
	else if (strcmp(action, "ram") == 0)
		count_in_ram();
	else if (strcmp(action, "power") == 0)
		wait_for_power_button();
	else
		errx(2, "usage: recorder record DISK | flood DISK MIB | ram | power");
	return 0;
}
