/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sim/cleanup.h"
#include "sim/ctl.h"

#define EXIT_USAGE 2

static int complain(const char *what, const char *why)
{
	(void)fprintf(stderr, "skybus-sim ctl: %s: %s\n", what, why);

	return EXIT_USAGE;
}

static int open_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int error, fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;

	(void)strcpy(address.sun_path, path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		error = -errno;
		(void)close(fd);
		return error;
	}

	return fd;
}

/* NULL also when an argument is no UTF-8, for which JSON has no place. */
static char *order_of(int argc, char **argv)
{
	json_auto_t *order = json_pack("{s:s, s:[]}", "verb", argv[0], "args");

	for (int i = 1; i < argc; i++)
		if (json_array_append_new(json_object_get(order, "args"), json_string(argv[i])) < 0)
			return NULL;

	return json_dumps(order, JSON_COMPACT);
}

static json_t *read_reply(int fd)
{
	SIM_CLEANUP(free) char *line = NULL;
	FILE *stream = fdopen(fd, "r");
	size_t size = 0;
	ssize_t len;

	if (!stream) {
		(void)close(fd);
		return NULL;
	}
	len = getline(&line, &size, stream);
	(void)fclose(stream);

	return len > 0 ? json_loadb(line, (size_t)len, 0, NULL) : NULL;
}

static int show(const json_t *reply)
{
	const char *text = json_string_value(json_object_get(reply, "text"));
	const char *error = json_string_value(json_object_get(reply, "error"));

	if (!json_is_true(json_object_get(reply, "ok"))) {
		(void)fprintf(stderr, "skybus-sim ctl: %s\n", error ? error : "no reply came.");
		return EXIT_FAILURE;
	}
	if (text)
		(void)printf("%s\n", text);

	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/**
 * sim_ctl() - give one order to a running simulator, and print its reply
 * @argc: of @argv
 * @argv: the control socket, the verb, its arguments
 *
 * Return: 0 when it is done; 1 when it was refused, which is said on stderr; 2 when no simulator
 * could be asked.
 */
int sim_ctl(int argc, char **argv)
{
	SIM_CLEANUP(free) char *order = NULL;
	json_auto_t *reply = NULL;
	int fd;

	if (argc < 2)
		return complain("usage",
				"skybus-sim ctl SOCKET ORDER; there is skybus-sim --help.");
	order = order_of(argc - 1, argv + 1);
	if (!order)
		return complain(argv[1], "its arguments must be UTF-8.");
	fd = open_socket(argv[0]);
	if (fd < 0)
		return complain(argv[0], strerror(-fd));

	/* Whatever goes wrong here shows in the reply that does not come. */
	(void)dprintf(fd, "%s\n", order);
	reply = read_reply(fd);
	if (!reply)
		return complain(argv[0], "no reply came.");

	return show(reply);
}
