/*
 * The guest agent as qemu-ga is on Windows, where VSS freezes: what a host sees of it, over Linux file systems that are
 * frozen in earnest. The facts are from QEMU's qga/commands-win32.c and qga/vss-win32/requester.cpp: one request after
 * another, a freeze that prepares for as long as it takes, 10 s until VSS thaws, and then an agent that says it is
 * frozen until it is told to thaw, which it answers with an error.
 *
 *   vss-agent PORT WORD,WORD…
 *
 *   prepare:SECONDS  before it freezes (0)
 *   hold:SECONDS     until VSS thaws (10); 0: before the answer to the freeze
 *   refuse           a volume cannot be added to the snapshot set
 *   fail:TIMES       so many freezes fail before one works
 *   never            answers every question, but never a freeze
 *   mute             does not list its file systems
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int port;
static double preparation, hold = 10;
static long failures;
static bool refuses, never_freezes, is_mute;

/* As the agent has it, and as it is. */
static bool says_frozen, is_frozen;
static long frozen_volumes;
static double frozen_at;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

__attribute__((format(printf, 1, 2)))
static void answer(const char *format, ...)
{
	char line[4096];
	va_list arguments;
	size_t length, sent = 0;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	while (sent < length) {
		ssize_t count = write(port, line + sent, length - sent);

		if (count < 0)
			return;
		sent += count;
	}
}

static void fail(const char *class, const char *text)
{
	answer("{\"error\": {\"class\": \"%s\", \"desc\": \"%s\"}}\n", class, text);
}

static void run_hook(const char *action)
{
	pid_t child = fork();

	if (child == 0) {
		execl("/bin/fsfreeze-hook", "fsfreeze-hook", action, NULL);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

static long all_volumes(unsigned long request)
{
	glob_t found;
	long count = 0;

	if (glob("/mnt/*", 0, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int fd = open(found.gl_pathv[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && ioctl(fd, request, 0) == 0)
			count++;
		if (fd >= 0)
			close(fd);
	}
	globfree(&found);
	return count;
}

static void let_go(void)
{
	all_volumes(FITHAW);
	run_hook("thaw");
	is_frozen = false;
}

static void freeze(void)
{
	if (never_freezes)
		return;
	usleep(preparation * 1e6);
	if (refuses)
		return fail("GenericError", "failed to add D:\\\\ to snapshot set: The shadow copy provider "
			    "does not support shadow copying the specified volume.");
	if (failures-- > 0)
		return fail("GenericError", "failed to start snapshot set: Another shadow copy creation is already "
			    "in progress. Please wait a few moments and try again.");
	run_hook("freeze");
	frozen_volumes = all_volumes(FIFREEZE);
	frozen_at = now();
	says_frozen = is_frozen = true;
	if (hold == 0)
		let_go();
	answer("{\"return\": %ld}\n", frozen_volumes);
}

static void thaw(void)
{
	bool held = is_frozen;

	if (!says_frozen)
		return answer("{\"return\": 0}\n");
	says_frozen = false;
	if (!held)
		return fail("GenericError", "couldn't hold writes: fsfreeze is limited up to 10 seconds: ");
	let_go();
	answer("{\"return\": %ld}\n", frozen_volumes);
}

/* As get_pci_info finds them; each disk has one volume, and the last one no drive. */
static void list_file_systems(void)
{
	char text[3072] = "";
	size_t length = 0;
	glob_t found;

	if (is_mute)
		return fail("GenericError", "failed to find next volume: Access is denied.");
	if (glob("/sys/block/vd*", 0, NULL, &found) != 0)
		return fail("GenericError", "failed to find any volume");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char path[PATH_MAX], place[PATH_MAX];
		unsigned domain = 0, bus = 0, slot = 0, function = 0;
		char volume[80], *controller;

		snprintf(path, sizeof path, "%s/device", found.gl_pathv[i]);
		if (!realpath(path, place) || !(controller = strrchr(place, '/')))
			continue;
		*controller = 0;
		sscanf(strrchr(place, '/'), "/%x:%x:%x.%x", &domain, &bus, &slot, &function);
		snprintf(volume, sizeof volume, "\\\\\\\\?\\\\Volume{4f2c0d1a-0000-0000-0000-%012zx}\\\\", i + 1);
		length += snprintf(
			text + length, sizeof text - length,
			"%s{\"name\": \"%s\", \"mountpoint\": \"%s\", \"type\": \"NTFS\", \"disk\": [{\"bus-type\": \"virtio\", "
			"\"bus\": 0, \"target\": 0, \"unit\": 0, \"dev\": \"\\\\\\\\.\\\\PhysicalDrive%zu\", \"pci-controller\": "
			"{\"domain\": %u, \"bus\": %u, \"slot\": %u, \"function\": %u}}]}",
			i ? ", " : "", volume, i == 0 ? "C:\\\\" : volume, i, domain, bus, slot, function);
	}
	globfree(&found);
	answer("{\"return\": [%s]}\n", text);
}

static void serve(const char *request)
{
	const char *execute = strstr(request, "\"execute\""), *id = strstr(request, "\"id\"");
	char name[64] = "";

	if (!execute || sscanf(execute + 9, " : \"%63[^\"]\"", name) != 1)
		return fail("GenericError", "QMP input lacks member 'execute'");
	if (strcmp(name, "guest-sync") == 0)
		answer("{\"return\": %lld}\n", id ? atoll(strpbrk(id + 4, "0123456789")) : 0);
	else if (strcmp(name, "guest-ping") == 0)
		answer("{\"return\": {}}\n");
	else if (strcmp(name, "guest-fsfreeze-status") == 0)
		answer("{\"return\": \"%s\"}\n", says_frozen ? "frozen" : "thawed");
	else if (strcmp(name, "guest-fsfreeze-thaw") == 0)
		thaw();
	else if (says_frozen)
		fail("CommandNotFound", "The command has been disabled: the agent is in frozen state");
	else if (strcmp(name, "guest-fsfreeze-freeze") == 0 || strcmp(name, "guest-fsfreeze-freeze-list") == 0)
		freeze();
	else if (strcmp(name, "guest-get-fsinfo") == 0)
		list_file_systems();
	else if (strcmp(name, "guest-get-osinfo") == 0)
		answer("{\"return\": {\"id\": \"mswindows\", \"name\": \"Microsoft Windows\", \"pretty-name\": "
		       "\"Windows Server 2022 Standard\", \"version-id\": \"2022\", \"machine\": \"x86_64\"}}\n");
	else
		fail("CommandNotFound", "The command has not been found");
}

static void read_words(char *words)
{
	for (char *word = strtok(words, ","); word; word = strtok(NULL, ",")) {
		if (sscanf(word, "prepare:%lf", &preparation) == 1 || sscanf(word, "hold:%lf", &hold) == 1
		    || sscanf(word, "fail:%ld", &failures) == 1)
			continue;
		refuses |= strcmp(word, "refuse") == 0;
		never_freezes |= strcmp(word, "never") == 0;
		is_mute |= strcmp(word, "mute") == 0;
	}
}

int main(int argc, char **argv)
{
	char line[4096];
	size_t length = 0;

	if (argc != 3)
		errx(2, "usage: vss-agent PORT WORDS");
	read_words(argv[2]);
	port = open(argv[1], O_RDWR | O_CLOEXEC);
	if (port < 0)
		err(1, "%s", argv[1]);
	for (;;) {
		struct pollfd input = { .fd = port, .events = POLLIN };
		double left = frozen_at + hold - now();
		char byte;

		if (is_frozen && left <= 0)
			let_go();
		poll(&input, 1, is_frozen ? (int)(left * 1000) + 1 : 1000);
		/* Nobody has the other end open. */
		if (input.revents & POLLHUP)
			usleep(100000);
		if (!(input.revents & POLLIN) || read(port, &byte, 1) != 1)
			continue;
		/* A host that begins anew sends 0xFF first. */
		if (byte == '\n' && length > 0) {
			line[length] = 0;
			length = 0;
			serve(line);
		} else if (byte != '\n' && (unsigned char)byte != 0xFF && length < sizeof line - 1) {
			line[length++] = byte;
		}
	}
}
