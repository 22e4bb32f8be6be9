/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/daemon/peer.h"

#define ARGUMENTS_MAX 16

extern char **environ;

static int bound_socket(uint16_t port, uint16_t *ret_port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		(void)close(fd);
		return -1;
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*ret_port = ntohs(address.sin_port);

	return fd;
}

void peer_init(struct peer *peer)
{
	*peer = (struct peer){ 0 };
	peer->fd = bound_socket(0, &peer->port);
	assert_true(peer->fd >= 0);
}

void peer_done(struct peer *peer)
{
	if (peer->fd > 0)
		(void)close(peer->fd);
	peer->fd = 0;
}

/* Whether a message was there. */
bool peer_receive(struct peer *peer, struct peer_message *ret)
{
	socklen_t from_len = sizeof(peer->from);
	ssize_t len = recvfrom(peer->fd, ret->bytes, sizeof(ret->bytes), 0,
			       (struct sockaddr *)&peer->from, &from_len);

	if (len < 0)
		return false;
	assert_true(len >= 4);
	ret->len = (size_t)len;
	ret->type = (enum peer_type)(ret->bytes[0] >> 4 & 3);
	ret->token_len = ret->bytes[0] & 15;
	ret->code = ret->bytes[1];
	ret->mid = (uint16_t)(ret->bytes[2] << 8 | ret->bytes[3]);
	memcpy(ret->token, ret->bytes + 4, ret->token_len);

	return true;
}

void peer_send_bytes(const struct peer *peer, const void *bytes, size_t len)
{
	assert_int_equal(sendto(peer->fd, bytes, len, 0, (const struct sockaddr *)&peer->from,
				sizeof(peer->from)),
			 len);
}

/*
 * With the token of @answered unless it is empty; an acknowledgement and a Reset with its message id,
 * others with another. @rest is sent as the payload.
 */
void peer_send(const struct peer *peer, enum peer_type type, uint8_t code,
	       const struct peer_message *answered, const char *rest)
{
	uint16_t mid = answered->mid;
	uint8_t token_len = code == 0 ? 0 : (uint8_t)answered->token_len;
	uint8_t bytes[2048];
	size_t len = 4;

	if (type == PEER_CON || type == PEER_NON)
		mid ^= 0x5555;
	bytes[0] = (uint8_t)(1 << 6 | type << 4 | token_len);
	bytes[1] = code;
	bytes[2] = mid >> 8;
	bytes[3] = mid & 0xff;
	memcpy(bytes + len, answered->token, token_len);
	len += token_len;
	if (*rest) {
		bytes[len++] = 0xff;
		memcpy(bytes + len, rest, strlen(rest));
		len += strlen(rest);
	}
	peer_send_bytes(peer, bytes, len);
}

static bool port_is_free(uint16_t port)
{
	int fd = bound_socket(port, &port);

	if (fd >= 0)
		(void)close(fd);

	return fd >= 0;
}

/* A port that is free, as the next one is. */
static uint16_t find_ports(void)
{
	for (unsigned int i = 0; i < 100; i++) {
		uint16_t port;
		int fd = bound_socket(0, &port);

		assert_true(fd >= 0);
		(void)close(fd);
		if (port < UINT16_MAX && port_is_free(port + 1))
			return port;
	}
	fail_msg("no two free ports side by side");

	return 0;
}

/* Asks the kernel: to try the port would be to take it. */
static bool port_is_bound(uint16_t port)
{
	FILE *sockets = fopen("/proc/net/udp", "re");
	char line[256];
	unsigned int bound;
	bool found = false;

	assert_non_null(sockets);
	while (!found && fgets(line, sizeof(line), sockets))
		found = sscanf(line, " %*u: %*x:%x", &bound) == 1 && bound == port;
	(void)fclose(sockets);

	return found;
}

/* Another process: there is nothing to wait for but its ports. */
static void wait_for_port(uint16_t port)
{
	struct timespec a_moment = { .tv_nsec = 5000000 };

	for (unsigned int i = 0; i < 2000; i++) {
		if (port_is_bound(port))
			return;
		(void)nanosleep(&a_moment, NULL);
	}
	fail_msg("the server does not come up");
}

/* For server_run(): a port that is free, as the next one is. */
uint16_t server_choose_port(struct server *server)
{
	server->port = find_ports();

	return server->port;
}

/* At the chosen port, as @argv says, too. Returns false if the program is not installed. */
bool server_run(struct server *server, const char *const *argv)
{
	posix_spawn_file_actions_t actions;
	int input[2];
	int r;

	assert_int_equal(pipe2(input, O_CLOEXEC), 0);
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	(void)posix_spawn_file_actions_adddup2(&actions, input[0], 0);
	(void)posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	(void)posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	r = posix_spawnp(&server->pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(input[0]);
	server->input = input[1];
	if (r != 0) {
		server->pid = 0;
		(void)close(server->input);
		return false;
	}
	wait_for_port(server->port);

	return true;
}

/* One of libcoap's. Returns false if the program is not installed. @arguments end with NULL. */
bool server_start(struct server *server, const char *program, const char *const *arguments)
{
	const char *argv[ARGUMENTS_MAX + 6] = { program, "-A", "127.0.0.1", "-p" };
	bool secure = false;
	char port[8];
	size_t n = 4;

	(void)snprintf(port, sizeof(port), "%u", server_choose_port(server));
	argv[n++] = port;
	for (; *arguments; arguments++) {
		assert_true(n < ARGUMENTS_MAX + 5);
		argv[n++] = *arguments;
		secure = secure || strcmp(*arguments, "-k") == 0 || strcmp(*arguments, "-c") == 0;
	}
	if (!server_run(server, argv))
		return false;
	if (secure)
		wait_for_port(server->port + 1);

	return true;
}

void server_stop(struct server *server)
{
	if (server->pid <= 0)
		return;
	(void)kill(server->pid, SIGKILL);
	(void)waitpid(server->pid, NULL, 0);
	(void)close(server->input);
	server->pid = 0;
}
