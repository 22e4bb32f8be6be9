/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An archive for whoever is to help: what the doctor found, how the daemon is, and the last lines of its log, without
 * the names of devices and without secrets.
 *
 * The archive is made by GNU tar, which is essential in Debian; libarchive would bring libxml2 and ICU to a small box.
 * Everything is redacted before it is written to the directory that tar reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/doctor-bundle.h"
#include "ctl/doctor.h"
#include "ctl/links.h"
#include "ctl/redact.h"
#include "ctl/replace.h"

#define NAME "skybus-report"
#define JOURNAL_LINES "1000"

/** struct bundle - a directory that becomes an archive */
struct bundle {
	struct ctl *ctl;
	struct ctl_redaction *redaction;
	char parent[64]; /* of its own; "" while there is none */
	char path[96]; /* the directory, in it */
	char unit[128];
	int fd; /* the directory; -1 while there is none */
	json_t *links; /* may be NULL */
};

/** struct part - one file of it: how it comes to be. Text that is NULL leaves the file out. */
struct part {
	const char *name;
	char *(*write)(struct bundle *bundle);
};

/* ---- other people's programs ---- */

static char *read_all(int fd)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	char part[4096];
	ssize_t len;

	if (!out)
		return NULL;
	while ((len = read(fd, part, sizeof(part))) > 0)
		(void)fwrite(part, 1, (size_t)len, out);
	(void)fclose(out);

	return text;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;

	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

/* What it prints; NULL if there is no such program. That it fails may be what one wants to see. */
static char *output_of(char *const argv[])
{
	posix_spawn_file_actions_t actions;
	char *text = NULL;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return NULL;
	if (posix_spawn_file_actions_init(&actions) == 0) {
		(void)posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
		(void)posix_spawn_file_actions_adddup2(&actions, fds[1], STDERR_FILENO);
		if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) == 0) {
			(void)close(fds[1]);
			fds[1] = -1;
			text = read_all(fds[0]);
			(void)wait_for(pid);
		}
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	(void)close(fds[0]);
	if (fds[1] >= 0)
		(void)close(fds[1]);

	return text;
}

/* ---- the parts ---- */

static char *dump(const json_t *value)
{
	return value ? json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY) : NULL;
}

static char *write_versions(struct bundle *bundle)
{
	struct utsname kernel = { .release = "?" };
	CTL_CLEANUP(free)
	char *os = output_of((char *[]){ (char *)"cat", (char *)"/etc/os-release", NULL });
	char *text = NULL;

	(void)bundle;
	(void)uname(&kernel);
	if (asprintf(&text, "skybusctl %s\n%s %s %s\n%s", SKYBUS_VERSION, kernel.sysname,
		     kernel.release, kernel.machine, os ? os : "") < 0)
		return NULL;

	return text;
}

/* The reply of a method of the manager; NULL if it has none, or does not let us. */
static json_t *ask(struct bundle *bundle, const char *interface, const char *member,
		   const char *argument)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	json_t *body = NULL;
	int r;

	if (ctl_bus_open(bundle->ctl) != CTL_EXIT_OK)
		return NULL;
	r = ctl_try(bundle->ctl, interface, member, &error, &reply, argument ? "s" : NULL,
		    argument);
	sd_bus_error_free(&error);
	if (r < 0 || ctl_body(reply, &body) < 0)
		return NULL;

	return body;
}

static char *write_daemon(struct bundle *bundle)
{
	CTL_CLEANUP(json_decref)
	json_t *body = ask(bundle, "org.freedesktop.DBus.Properties", "GetAll", CTL_MANAGER);

	return dump(json_array_get(body, 0));
}

static char *write_links(struct bundle *bundle)
{
	return dump(bundle->links);
}

static char *write_plugins(struct bundle *bundle)
{
	CTL_CLEANUP(json_decref) json_t *body = ask(bundle, CTL_MANAGER, "ListPlugins", NULL);

	return dump(json_array_get(body, 0));
}

static char *write_losses(struct bundle *bundle)
{
	CTL_CLEANUP(json_decref) json_t *body = ask(bundle, CTL_MANAGER, "ListLosses", NULL);

	return dump(json_array_get(body, 0));
}

static char *write_metrics(struct bundle *bundle)
{
	CTL_CLEANUP(json_decref) json_t *body = ask(bundle, CTL_MANAGER, "ListMetrics", NULL);

	return dump(json_array_get(body, 0));
}

static char *write_configuration(struct bundle *bundle)
{
	CTL_CLEANUP(json_decref) json_t *body = ask(bundle, CTL_MANAGER, "Configuration", NULL);
	const char *yaml = json_string_value(json_array_get(body, 0));

	return yaml ? strdup(yaml) : NULL;
}

static char *write_findings(struct bundle *bundle)
{
	CTL_CLEANUP(json_decref) json_t *found = NULL;

	(void)ctl_doctor(bundle->ctl, &found);

	return dump(found);
}

static char *write_journal(struct bundle *bundle)
{
	char *const argv[] = { (char *)"journalctl",
			       (char *)"--no-pager",
			       (char *)"--output=short-iso",
			       (char *)"--lines=" JOURNAL_LINES,
			       (char *)"--unit",
			       bundle->unit,
			       NULL };

	return output_of(argv);
}

/* Not all: Environment= and SetCredential= may hold anything. */
static char *write_unit(struct bundle *bundle)
{
	char *const argv[] = {
		(char *)"systemctl",
		(char *)"show",
		(char *)"--no-pager",
		(char *)"--property=Id,LoadState,ActiveState,SubState,Result,ExecMainCode,ExecMainStatus,"
			"ExecMainStartTimestamp,NRestarts,MemoryCurrent,MemoryMax,TasksCurrent,"
			"CPUUsageNSec,LimitNOFILE,FragmentPath,DropInPaths,UnitFileState,WatchdogUSec",
		bundle->unit,
		NULL
	};

	return output_of(argv);
}

static const struct part parts[] = {
	{ "versions.txt", write_versions },
	{ "daemon.json", write_daemon },
	{ "plugins.json", write_plugins },
	{ "links.json", write_links },
	{ "losses.json", write_losses },
	{ "metrics.json", write_metrics },
	{ "configuration.yaml", write_configuration },
	{ "doctor.json", write_findings },
	{ "journal.txt", write_journal },
	{ "unit.txt", write_unit },
};

/* ---- the directory ---- */

static int write_file(const struct bundle *bundle, const char *name, const char *text)
{
	CTL_CLEANUP(free) char *shown = ctl_redact(bundle->redaction, text);
	int fd = openat(bundle->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *file;

	if (fd < 0)
		return -errno;
	file = fdopen(fd, "w");
	if (!file || !shown) {
		(void)close(fd);
		return -ENOMEM;
	}
	(void)fputs(shown, file);

	return fclose(file) == 0 ? 0 : -EIO;
}

static int make_directory(struct bundle *bundle)
{
	const char *temporary = getenv("TMPDIR");

	if (snprintf(bundle->parent, sizeof(bundle->parent), "%s/skybusctl-XXXXXX",
		     temporary && *temporary && strlen(temporary) < 40 ? temporary : "/tmp") < 0 ||
	    !mkdtemp(bundle->parent)) {
		bundle->parent[0] = '\0';
		return -errno;
	}
	(void)snprintf(bundle->path, sizeof(bundle->path), "%s/%s", bundle->parent, NAME);
	if (mkdir(bundle->path, 0700) < 0)
		return -errno;
	bundle->fd = open(bundle->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return bundle->fd < 0 ? -errno : 0;
}

static void remove_directory(struct bundle *bundle)
{
	if (bundle->parent[0] == '\0')
		return;
	for (size_t i = 0; i < CTL_ELEMENTS(parts); i++)
		(void)unlinkat(bundle->fd, parts[i].name, 0);
	if (bundle->fd >= 0)
		(void)close(bundle->fd);
	(void)rmdir(bundle->path);
	(void)rmdir(bundle->parent);
}

/* ---- all of it ---- */

/* What is to be hidden must be known before anything is written. */
static enum ctl_exit prepare(struct bundle *bundle)
{
	const char *instance = ctl_option(bundle->ctl, "instance");
	CTL_CLEANUP(free) char *yaml = NULL;
	CTL_CLEANUP(json_decref) json_t *body = NULL;
	int r = ctl_redaction_new(&bundle->redaction);

	(void)snprintf(bundle->unit, sizeof(bundle->unit), "skybusd%s%s.service",
		       instance ? "@" : "", instance ? instance : "");
	body = ask(bundle, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL);
	/* Without a daemon there is a report all the same, for that is when it is wanted most. */
	if (body && ctl_links(bundle->ctl, &bundle->links) != CTL_EXIT_OK)
		bundle->links = NULL;
	yaml = write_configuration(bundle);
	if (r == 0 && bundle->links)
		r = ctl_redaction_learn_links(bundle->redaction, bundle->links);
	if (r == 0 && yaml)
		r = ctl_redaction_learn_settings(bundle->redaction, yaml);
	if (r == 0)
		r = make_directory(bundle);
	if (r < 0)
		return ctl_fail(CTL_EXIT_FAILED, "the report cannot be prepared: %s.",
				strerror(-r));

	return CTL_EXIT_OK;
}

static enum ctl_exit fill(struct bundle *bundle)
{
	for (size_t i = 0; i < CTL_ELEMENTS(parts); i++) {
		CTL_CLEANUP(free) char *text = parts[i].write(bundle);
		int r = text ? write_file(bundle, parts[i].name, text) : 0;

		if (r < 0)
			return ctl_fail(CTL_EXIT_FAILED, "%s/%s cannot be written: %s.",
					bundle->path, parts[i].name, strerror(-r));
	}

	return CTL_EXIT_OK;
}

static int run_tar(const struct bundle *bundle, int fd)
{
	char *const argv[] = { (char *)"tar",
			       (char *)"--create",
			       (char *)"--gzip",
			       (char *)"--owner=root:0",
			       (char *)"--group=root:0",
			       (char *)"--directory",
			       (char *)bundle->parent,
			       (char *)NAME,
			       NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int r;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	(void)posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	r = -posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);

	return r == 0 ? wait_for(pid) : r;
}

static enum ctl_exit pack(const struct bundle *bundle, const char *path)
{
	CTL_CLEANUP(free) char *beside = NULL;
	enum ctl_exit status;
	int fd, r;

	status = ctl_replace_begin(path, &beside, &fd);
	if (status != CTL_EXIT_OK)
		return status;
	r = run_tar(bundle, fd);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	errno = -r;

	return ctl_replace_end(path, beside, r == 0);
}

/**
 * ctl_doctor_bundle() - write an archive for a bug report
 * @ctl: the command line
 * @path: of the archive; one that is there is replaced
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_doctor_bundle(struct ctl *ctl, const char *path)
{
	struct bundle bundle = { .ctl = ctl, .fd = -1 };
	bool json = ctl->json;
	enum ctl_exit status;

	/* The doctor is not to talk meanwhile. */
	ctl->json = true;
	status = prepare(&bundle);
	if (status == CTL_EXIT_OK)
		status = fill(&bundle);
	if (status == CTL_EXIT_OK)
		status = pack(&bundle, path);
	ctl->json = json;
	remove_directory(&bundle);
	json_decref(bundle.links);
	(void)ctl_redaction_free(bundle.redaction);
	if (status == CTL_EXIT_OK && !json)
		(void)printf("%s has what helps to find out more. Names of devices and secrets are "
			     "masked; look at it before you give it away: tar -xzOf %s | less\n",
			     path, path);

	return status;
}
