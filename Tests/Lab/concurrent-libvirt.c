/*
 * The least a program can do to put guests on overlays and back with libvirt, all at once:
 * one thread and one connection for each guest, no state, no checks, no recovery.
 * What Stillpoint does is measured against it.
 *
 * usage: concurrent-libvirt pre|post OVERLAY_DIR NAME...
 */
#define _GNU_SOURCE
#include <err.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#define MAX_DISKS 8
#define SNAPSHOT "concurrent"

struct disk {
	char target[16], source[512], format[16], *overlay;
	int done; /* of its block job: 1 ready, -1 failed */
};

struct guest {
	const char *name;
	virConnectPtr connection;
	virDomainPtr domain;
	struct disk disks[MAX_DISKS];
	int disk_count;
	pthread_t thread;
};

extern char **environ;
static const char *overlay_dir;
static struct guest *guests;
static int guest_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static char *format(const char *template, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, template);
	if (vasprintf(&text, template, arguments) < 0)
		err(1, "memory");
	va_end(arguments);
	return text;
}

static void check(const struct guest *guest, const char *what, int bad)
{
	if (bad)
		errx(1, "%s: %s: %s", guest->name, what, virGetLastErrorMessage());
}

/* The value of an attribute in libvirt's own formatting, searched between two places. */
static void attribute(const char *from, const char *to, const char *name, char *value, size_t size)
{
	const char *start = strstr(from, name), *end;

	*value = 0;
	if (start && start < to) {
		start += strlen(name);
		end = strchr(start, '\'');
		snprintf(value, size, "%.*s", (int)(end - start), start);
	}
}

static void find_disks(struct guest *guest)
{
	char *xml = virDomainGetXMLDesc(guest->domain, 0), *at = xml;

	check(guest, "definition", !xml);
	while ((at = strstr(at, "<disk type='file' device='disk'")) && guest->disk_count < MAX_DISKS) {
		struct disk *disk = &guest->disks[guest->disk_count++];
		char *end = strstr(at, "</disk>");

		attribute(at, end, "<driver name='qemu' type='", disk->format, sizeof disk->format);
		attribute(at, end, "<source file='", disk->source, sizeof disk->source);
		attribute(at, end, "<target dev='", disk->target, sizeof disk->target);
		disk->overlay = format("%s/%s-%s.qcow2", overlay_dir, guest->name, disk->target);
		at = end;
	}
	free(xml);
}

/* -u: the base is in use, and its size is known. */
static void create_overlay(struct guest *guest, struct disk *disk)
{
	virDomainBlockInfo info;
	char *size;
	pid_t child;
	int status;

	check(guest, "size", virDomainGetBlockInfo(guest->domain, disk->target, &info, 0) < 0);
	size = format("%llu", info.capacity);
	char *arguments[] = { "qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", disk->format,
			      "-b", disk->source, disk->overlay, size, NULL };

	if (posix_spawnp(&child, arguments[0], NULL, NULL, arguments, environ) != 0
	    || waitpid(child, &status, 0) < 0 || status != 0)
		errx(1, "%s: no overlay", guest->name);
	free(size);
}

static void pre(struct guest *guest)
{
	char *disks = strdup(""), *xml, *longer;
	virDomainSnapshotPtr snapshot;
	int frozen;

	for (int i = 0; i < guest->disk_count; i++) {
		struct disk *disk = &guest->disks[i];

		create_overlay(guest, disk);
		longer = format("%s<disk name='%s' snapshot='external'><driver type='qcow2'/><source file='%s'/></disk>",
				disks, disk->target, disk->overlay);
		free(disks);
		disks = longer;
	}
	xml = format("<domainsnapshot><name>" SNAPSHOT "</name><disks>%s</disks></domainsnapshot>", disks);

	frozen = virDomainFSFreeze(guest->domain, NULL, 0, 0);
	snapshot = virDomainSnapshotCreateXML(guest->domain, xml,
					      VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
					      | VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
					      | VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT);
	if (frozen >= 0)
		virDomainFSThaw(guest->domain, NULL, 0, 0);
	check(guest, "snapshot", !snapshot);
	virDomainSnapshotFree(snapshot);
	free(disks);
	free(xml);
}

static void on_block_job(virConnectPtr connection, virDomainPtr domain, const char *target,
			 int type, int status, void *opaque)
{
	(void)connection, (void)type, (void)opaque;
	if (status == VIR_DOMAIN_BLOCK_JOB_COMPLETED) /* after the pivot */
		return;
	pthread_mutex_lock(&lock);
	for (int g = 0; g < guest_count; g++)
		for (int d = 0; d < guests[g].disk_count; d++)
			if (strcmp(guests[g].name, virDomainGetName(domain)) == 0
			    && strcmp(guests[g].disks[d].target, target) == 0)
				guests[g].disks[d].done = status == VIR_DOMAIN_BLOCK_JOB_READY ? 1 : -1;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void post(struct guest *guest)
{
	virDomainSnapshotPtr snapshot;

	for (int i = 0; i < guest->disk_count; i++)
		check(guest, "commit", virDomainBlockCommit(guest->domain, guest->disks[i].target, NULL, NULL, 0,
							    VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) < 0);
	for (int i = 0; i < guest->disk_count; i++) {
		struct disk *disk = &guest->disks[i];

		pthread_mutex_lock(&lock);
		while (!disk->done)
			pthread_cond_wait(&changed, &lock);
		pthread_mutex_unlock(&lock);
		if (disk->done < 0)
			errx(1, "%s: commit of %s failed", guest->name, disk->target);
		check(guest, "pivot", virDomainBlockJobAbort(guest->domain, disk->target,
							     VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) < 0);
		unlink(disk->overlay);
	}
	snapshot = virDomainSnapshotLookupByName(guest->domain, SNAPSHOT, 0);
	if (snapshot)
		virDomainSnapshotDelete(snapshot, VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY);
}

static void *run_events(void *unused)
{
	for (;;)
		if (virEventRunDefaultImpl() < 0)
			errx(1, "event loop");
	return unused;
}

static void *freeze(void *guest)
{
	pre(guest);
	return NULL;
}

static void *release(void *guest)
{
	post(guest);
	return NULL;
}

/* What no program that freezes a guest through libvirt can go below: nothing happens in between. */
static void *freeze_and_thaw(void *argument)
{
	struct guest *guest = argument;

	check(guest, "freeze", virDomainFSFreeze(guest->domain, NULL, 0, 0) < 0);
	check(guest, "thaw", virDomainFSThaw(guest->domain, NULL, 0, 0) < 0);
	return NULL;
}

static void *connect_guest(void *argument)
{
	struct guest *guest = argument;

	guest->connection = virConnectOpen("qemu:///system");
	check(guest, "connection", !guest->connection);
	guest->domain = virDomainLookupByName(guest->connection, guest->name);
	check(guest, "domain", !guest->domain);
	find_disks(guest);
	return NULL;
}

static void for_all(void *(*work)(void *))
{
	for (int i = 0; i < guest_count; i++)
		pthread_create(&guests[i].thread, NULL, work, &guests[i]);
	for (int i = 0; i < guest_count; i++)
		pthread_join(guests[i].thread, NULL);
}

static void no_message(void *unused, virErrorPtr error)
{
	(void)unused, (void)error;
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void *(*work)(void *); } modes[] = {
		{ "pre", freeze }, { "post", release }, { "window", freeze_and_thaw },
	};
	void *(*work)(void *) = NULL;
	pthread_t events;

	for (size_t i = 0; argc > 3 && i < sizeof modes / sizeof *modes; i++)
		if (strcmp(argv[1], modes[i].name) == 0)
			work = modes[i].work;
	if (!work)
		errx(2, "usage: concurrent-libvirt pre|post|window OVERLAY_DIR NAME...");
	overlay_dir = argv[2];
	guest_count = argc - 3;
	guests = calloc(guest_count, sizeof *guests);
	for (int i = 0; i < guest_count; i++)
		guests[i].name = argv[i + 3];

	virInitialize();
	virSetErrorFunc(NULL, no_message);
	virEventRegisterDefaultImpl();
	pthread_create(&events, NULL, run_events, NULL);
	for_all(connect_guest);
	if (work == release) {
		virConnectPtr listener = virConnectOpen("qemu:///system");

		if (!listener || virConnectDomainEventRegisterAny(listener, NULL, VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2,
								  VIR_DOMAIN_EVENT_CALLBACK(on_block_job), NULL, NULL) < 0)
			errx(1, "events: %s", virGetLastErrorMessage());
	}
	for_all(work);
	return 0;
}
