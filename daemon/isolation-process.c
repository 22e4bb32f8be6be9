/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "daemon/descriptor.h"
#include "daemon/isolation-codec.h"
#include "daemon/isolation-process.h"

/* More than that nobody who reads leaves unread. */
#define UNSENT_MAX (1024 * 1024)

/* The descriptors that are made here must not be in the way of those that the process gets. */
#define FD_MIN 16

/**
 * sb_plugin_process_init() - there is no process
 * @process: embedded in its owner
 */
void sb_plugin_process_init(struct sb_plugin_process *process)
{
	*process = (struct sb_plugin_process){ .fd = -1, .socket = -1 };
	TAILQ_INIT(&process->unsent);
}

/* ---- how it comes ---- */

static int make_sockets(int ret[2])
{
	const int room = SB_PACKET_MAX;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		/* The kernel doubles it, for what it needs itself. */
		(void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
		ret[i] = sb_descriptor_move_up(pair[i]);
	}

	return 0;
}

/* Signals that end a daemon come to all of its group; this one ends when the daemon does. */
static int set_signals(posix_spawnattr_t *attributes)
{
	sigset_t blocked;
	sigset_t ordinary;

	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGHUP);
	(void)sigaddset(&blocked, SIGINT);
	(void)sigaddset(&blocked, SIGTERM);
	(void)sigemptyset(&ordinary);
	(void)sigaddset(&ordinary, SIGPIPE);
	(void)posix_spawnattr_setsigmask(attributes, &blocked);
	(void)posix_spawnattr_setsigdefault(attributes, &ordinary);

	return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int set_files(posix_spawn_file_actions_t *files, int socket, int file)
{
	int r = 0;

	for (int fd = STDIN_FILENO; r == 0 && fd <= STDERR_FILENO; fd++)
		r = posix_spawn_file_actions_addopen(files, fd, "/dev/null", O_RDWR, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(files, socket, SB_PROCESS_SOCKET);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(files, file, SB_PROCESS_PLUGIN);
	/* Whatever somebody may have forgotten to close on exec. */
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(files, SB_PROCESS_PLUGIN + 1);

	return r;
}

static int spawn(const char *program, const char *plugin, int socket, int file, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	char daemon[24];
	char *const arguments[SB_PROCESS_ARGUMENTS + 1] = { (char *)"skybus-plugin-host",
							    (char *)SKYBUS_VERSION, daemon,
							    (char *)plugin, NULL };
	char *const environment[] = { NULL };
	int r;

	(void)snprintf(daemon, sizeof(daemon), "%d", getpid());
	r = posix_spawn_file_actions_init(&files);
	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r == 0) {
		r = set_signals(&attributes);
		if (r == 0)
			r = set_files(&files, socket, file);
		if (r == 0)
			r = posix_spawn(ret, program, &files, &attributes, arguments, environment);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&files);

	return -r;
}

/**
 * sb_plugin_process_start() - make one
 * @process: there is none
 * @program: path of skybus-plugin-host
 * @plugin: its name
 * @file: the plugin's
 *
 * Return: 0; or a negative errno: -ENOENT, -EACCES for the program; -EAGAIN, -EMFILE, -ENOMEM.
 */
int sb_plugin_process_start(struct sb_plugin_process *process, const char *program,
			    const char *plugin, int file)
{
	SB_CLEANUP(sb_close) int lent = fcntl(file, F_DUPFD_CLOEXEC, FD_MIN);
	SB_CLEANUP(sb_close) int theirs = -1;
	int pair[2] = { -1, -1 };
	pid_t number = 0;
	int r;

	if (lent < 0)
		return -errno;
	r = make_sockets(pair);
	if (r < 0)
		return r;
	theirs = pair[1];
	r = spawn(program, plugin, theirs, lent, &number);
	if (r < 0) {
		(void)close(pair[0]);
		return r;
	}
	process->number = number;
	process->socket = pair[0];
	process->fd = pidfd_open(number, 0);
	if (process->fd < 0) {
		r = -errno;
		(void)kill(number, SIGKILL);
		(void)waitpid(number, NULL, 0);
		sb_plugin_process_forget(process);
		return r;
	}
	process->fd = sb_descriptor_move_up(process->fd);

	return 0;
}

/* ---- to and fro ---- */

static int send_now(const struct sb_plugin_process *process, const void *data, size_t len)
{
	ssize_t n;

	do
		n = send(process->socket, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);

	return n < 0 ? -errno : 0;
}

/**
 * sb_plugin_process_send() - send a packet, or keep it until there is room
 * @process: runs, or has just ended
 * @packet: whole
 *
 * Return: 0; -EPIPE when nobody is there; -EMSGSIZE for a packet that failed; -ENOBUFS when too much waits;
 * -ENOMEM.
 */
int sb_plugin_process_send(struct sb_plugin_process *process, const struct sb_packer *packet)
{
	struct sb_packet *kept;
	int r = packet->failed ? -EMSGSIZE : -EAGAIN;

	if (!packet->failed && TAILQ_EMPTY(&process->unsent))
		r = send_now(process, packet->data, packet->len);
	if (r != -EAGAIN)
		return r == -ECONNRESET ? -EPIPE : r;
	if (process->unsent_bytes + packet->len > UNSENT_MAX)
		return -ENOBUFS;
	kept = sb_packet_new(packet->data, packet->len);
	if (!kept)
		return -ENOMEM;
	TAILQ_INSERT_TAIL(&process->unsent, kept, entry);
	process->unsent_bytes += kept->len;

	return 0;
}

/**
 * sb_plugin_process_flush() - send what was kept, as far as there is room
 * @process: runs, or has just ended
 *
 * Return: 0; -EPIPE when nobody is there.
 */
int sb_plugin_process_flush(struct sb_plugin_process *process)
{
	struct sb_packet *kept;

	while ((kept = TAILQ_FIRST(&process->unsent))) {
		int r = send_now(process, kept->data, kept->len);

		if (r < 0)
			return r == -EAGAIN ? 0 : -EPIPE;
		TAILQ_REMOVE(&process->unsent, kept, entry);
		process->unsent_bytes -= kept->len;
		(void)sb_packet_free(kept);
	}

	return 0;
}

/**
 * sb_plugin_process_receive() - take a packet, if there is one
 * @process: runs, or has just ended
 * @ret: the packet, the caller's
 *
 * Return: 0, or what sb_packet_receive() says.
 */
int sb_plugin_process_receive(struct sb_plugin_process *process, struct sb_packet **ret)
{
	return sb_packet_receive(process->socket, MSG_DONTWAIT, ret);
}

/**
 * sb_plugin_process_wait() - until there is something to receive, or room to send what was kept
 * @process: runs, or has just ended
 * @usec: at most so long
 */
void sb_plugin_process_wait(struct sb_plugin_process *process, uint64_t usec)
{
	const struct timespec patience = {
		.tv_sec = (time_t)(usec / 1000000),
		.tv_nsec = (long)(usec % 1000000 * 1000),
	};
	struct pollfd its = {
		.fd = process->socket,
		.events = TAILQ_EMPTY(&process->unsent) ? POLLIN : POLLIN | POLLOUT,
	};

	(void)ppoll(&its, 1, &patience, NULL);
}

/* ---- how it ends ---- */

/**
 * sb_plugin_process_kill() - end it now
 * @process: runs, or has ended
 */
void sb_plugin_process_kill(struct sb_plugin_process *process)
{
	(void)pidfd_send_signal(process->fd, SIGKILL, NULL, 0);
}

/**
 * sb_plugin_process_reap() - learn how it has ended
 * @process: runs, or has ended
 * @patience_ms: wait so long for its end
 * @ret: of what, see waitid(2)
 *
 * Return: whether it has ended; then it is gone, but for what it has sent.
 */
bool sb_plugin_process_reap(struct sb_plugin_process *process, int patience_ms, siginfo_t *ret)
{
	struct pollfd ended = { .fd = process->fd, .events = POLLIN };

	*ret = (siginfo_t){ 0 };

	return poll(&ended, 1, patience_ms) > 0 &&
	       waitid(P_PIDFD, (id_t)process->fd, ret, WEXITED | WNOHANG) == 0 && ret->si_pid != 0;
}

/**
 * sb_plugin_process_forget() - there is no process any more
 * @process: has ended, or will be nobody's
 */
void sb_plugin_process_forget(struct sb_plugin_process *process)
{
	struct sb_packet *kept;

	while ((kept = TAILQ_FIRST(&process->unsent))) {
		TAILQ_REMOVE(&process->unsent, kept, entry);
		(void)sb_packet_free(kept);
	}
	if (process->socket >= 0)
		(void)close(process->socket);
	if (process->fd >= 0)
		(void)close(process->fd);
	sb_plugin_process_init(process);
}
