/* SPDX-License-Identifier: Apache-2.0 */
/*
 * skybus-plugin-host: started by skybusd, and of no use to anybody else. What is secret comes only when the plugin is
 * loaded and the process shut in.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "host/host.h"

/* With the daemon, however that ends; and if it has ended already, now. */
static void end_with_daemon(const char *daemon)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != (pid_t)strtol(daemon, NULL, 10))
		_exit(EXIT_SUCCESS);
}

__attribute__((format(printf, 2, 3))) static _Noreturn void give_up(struct skybus_link *link,
								    const char *format, ...)
{
	char why[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	cannot(link, why);
}

/*
 * The daemon has looked at the file, and keeps it open: this is the one, whatever is there by its name now. It is opened
 * by the number of the descriptor, so the dynamic linker needs no right to see where it is.
 */
static void load(struct skybus_link *link)
{
	char path[32];
	void *handle;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", SB_PROCESS_PLUGIN);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!handle)
		give_up(link, "it cannot be loaded there: %s", dlerror());
	link->plugin = dlsym(handle, "skybus_plugin_v1");
	if (!link->plugin || !SKYBUS_HAS(link->plugin, decide))
		give_up(link, "it cannot be loaded there: it is no plugin");
	(void)close(SB_PROCESS_PLUGIN);
}

/* No descriptor beyond those that are there. */
static int limit_files(void)
{
	const struct rlimit limit = { SB_PROCESS_SOCKET + 1, SB_PROCESS_SOCKET + 1 };

	return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	struct skybus_link link = { .plugin = NULL };
	int r;

	if (argc != SB_PROCESS_ARGUMENTS || fcntl(SB_PROCESS_SOCKET, F_GETFD) < 0) {
		(void)fputs("skybus-plugin-host: skybusd starts it, for links with "
			    "plugin_isolation: process\n",
			    stderr);
		return EX_USAGE;
	}
	TAILQ_INIT(&link.calls);
	TAILQ_INIT(&link.awaited);
	TAILQ_INIT(&link.settings);
	end_with_daemon(argv[2]);
	if (strcmp(argv[1], SKYBUS_VERSION) != 0)
		give_up(&link, "skybusd is version %s, and %s is there now: restart skybusd",
			argv[1], SKYBUS_VERSION);
	r = sandbox_limit();
	if (r < 0)
		give_up(&link, "it cannot be limited: %s", strerror(-r));
	load(&link);
	r = limit_files();
	if (r == 0)
		r = sandbox_enter();
	if (r < 0)
		give_up(&link, "it cannot be shut in (seccomp): %s", strerror(-r));

	for (;;) {
		struct sb_packet *packet = packet_next_call(&link);

		make_call(&link, packet);
		(void)sb_packet_free(packet);
	}
}
