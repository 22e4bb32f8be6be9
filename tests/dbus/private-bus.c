/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "tests/dbus/private-bus.h"

#define ADDRESS_MAX 512

struct private_bus {
	char directory[64];
	char config[96];
	char address[ADDRESS_MAX];
	pid_t pid;
};

SB_DEFINE_CLEANUP(struct private_bus *, private_bus_stop)

static int write_config(const struct private_bus *bus, const char *policy)
{
	FILE *file = fopen(bus->config, "we");

	if (!file)
		return -1;

	(void)fprintf(file,
		      "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration "
		      "1.0//EN\"\n"
		      " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
		      "<busconfig><listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth>"
		      /* More than the daemon's own bounds, so that a test meets those first. */
		      "<limit name=\"max_replies_per_connection\">1024</limit>%s</busconfig>\n",
		      bus->directory, policy);

	return fclose(file);
}

/* It prints its address when it is ready. */
static int read_address(struct private_bus *bus, int fd)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, bus->address + len, sizeof(bus->address) - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && len < sizeof(bus->address) - 1 && !memchr(bus->address, '\n', len));
	/* Without the number that each daemon gives itself: another one is to be found there as well. */
	bus->address[strcspn(bus->address, ",\n")] = '\0';

	return n > 0 ? 0 : -1;
}

/* In the child. A test that crashes takes its bus with it. */
static void run_daemon(const struct private_bus *bus, int fd, pid_t parent)
{
	char config[128];
	char print_address[32];

	(void)snprintf(config, sizeof(config), "--config-file=%s", bus->config);
	(void)snprintf(print_address, sizeof(print_address), "--print-address=%d", fd);
	if (fcntl(fd, F_SETFD, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    getppid() != parent)
		return;

	(void)execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nosyslog", config, print_address,
		     NULL);
}

static int spawn(struct private_bus *bus)
{
	pid_t parent = getpid();
	int fds[2];
	int r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	bus->pid = fork();
	if (bus->pid == 0) {
		run_daemon(bus, fds[1], parent);
		_exit(127);
	}
	(void)close(fds[1]);
	r = bus->pid > 0 ? read_address(bus, fds[0]) : -1;
	(void)close(fds[0]);

	return r;
}

/**
 * private_bus_start() - a bus
 * @policy: policy elements of its configuration, PRIVATE_BUS_OPEN
 *
 * Return: the bus, the caller's, ready; NULL when dbus-daemon does not start.
 */
struct private_bus *private_bus_start(const char *policy)
{
	SB_CLEANUP(private_bus_stop) struct private_bus *bus = calloc(1, sizeof(*bus));

	if (!bus)
		return NULL;
	(void)snprintf(bus->directory, sizeof(bus->directory), "/tmp/skybus-bus-XXXXXX");
	if (!mkdtemp(bus->directory)) {
		bus->directory[0] = '\0';
		return NULL;
	}
	/* Other users may come as far as the socket: what they may do there is for the policy. */
	(void)chmod(bus->directory, 0755);
	(void)snprintf(bus->config, sizeof(bus->config), "%s/bus.conf", bus->directory);
	if (write_config(bus, policy) < 0 || spawn(bus) < 0)
		return NULL;

	return SB_STEAL(bus);
}

/**
 * private_bus_kill() - let the bus die, as if it had crashed
 * @bus: running or not
 */
void private_bus_kill(struct private_bus *bus)
{
	if (bus->pid <= 0)
		return;

	(void)kill(bus->pid, SIGKILL);
	(void)waitpid(bus->pid, NULL, 0);
	bus->pid = 0;
}

/**
 * private_bus_revive() - start the bus again, at the same address
 * @bus: killed
 *
 * Return: 0; -1 when dbus-daemon does not start.
 */
int private_bus_revive(struct private_bus *bus)
{
	return spawn(bus);
}

/**
 * private_bus_path() - of the socket on which it listens
 * @bus: the bus
 *
 * Return: lent.
 */
const char *private_bus_path(const struct private_bus *bus)
{
	return strstr(bus->address, "path=") + strlen("path=");
}

/**
 * private_bus_pause() - let the bus stand still: what is sent to it stays unread
 * @bus: running
 */
void private_bus_pause(struct private_bus *bus)
{
	(void)kill(bus->pid, SIGSTOP);
	(void)waitpid(bus->pid, NULL, WUNTRACED);
}

/**
 * private_bus_resume() - let the bus go on
 * @bus: may be running, or not at all
 */
void private_bus_resume(struct private_bus *bus)
{
	if (bus->pid > 0)
		(void)kill(bus->pid, SIGCONT);
}

/**
 * private_bus_stop() - end the bus and remove its directory
 * @bus: may be NULL or half-built
 *
 * Return: NULL.
 */
struct private_bus *private_bus_stop(struct private_bus *bus)
{
	if (!bus)
		return NULL;

	private_bus_kill(bus);
	if (bus->address[0] != '\0')
		(void)unlink(private_bus_path(bus));
	(void)unlink(bus->config);
	(void)rmdir(bus->directory);
	free(bus);

	return NULL;
}

/**
 * private_bus_address() - where it listens
 * @bus: the bus
 *
 * Return: lent.
 */
const char *private_bus_address(const struct private_bus *bus)
{
	return bus->address;
}
