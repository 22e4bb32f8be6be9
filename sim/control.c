/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "sim/call.h"
#include "sim/cleanup.h"
#include "sim/control.h"
#include "sim/order.h"
#include "sim/world.h"

/** Connections at once; those beyond it are closed. */
#define MAX_CONNECTIONS 16

/**
 * struct connection - somebody who gives orders
 * @control: whose
 * @fd: does not block
 * @source: of @fd; off while a call is on its way, as orders are obeyed one by one
 * @call: on its way; NULL without
 * @entry: among the control's
 * @len: how much of @line is there
 * @line: an order, and what has come behind it
 */
struct connection {
	struct sim_control *control;
	int fd;
	sd_event_source *source;
	struct sim_call *call;
	LIST_ENTRY(connection) entry;
	size_t len;
	char line[SIM_CONTROL_LINE_MAX];
};

/**
 * struct sim_control - the socket
 * @world: who obeys
 * @path: of the socket; NULL until it is there
 * @fd: listens
 * @source: of @fd
 * @connections: all
 * @n_connections: how many
 */
struct sim_control {
	struct sim_world *world;
	char *path;
	int fd;
	sd_event_source *source;
	LIST_HEAD(, connection) connections;
	size_t n_connections;
};

static struct connection *connection_free(struct connection *connection)
{
	LIST_REMOVE(connection, entry);
	connection->control->n_connections--;
	(void)sim_call_free(connection->call);
	(void)sd_event_source_disable_unref(connection->source);
	(void)close(connection->fd);
	free(connection);

	return NULL;
}

/* ---- Orders and replies ---------------------------------------------------------------------- */

/* Takes the reply. Somebody who does not read is not worth waiting for. */
static bool send_reply(struct connection *connection, json_t *reply)
{
	SIM_CLEANUP(free) char *line = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
	size_t len = line ? strlen(line) : 0;

	json_decref(reply);
	if (!line)
		return false;

	line[len] = '\n';

	return send(connection->fd, line, len + 1, MSG_NOSIGNAL) == (ssize_t)(len + 1);
}

static bool obey_lines(struct connection *connection);

static void connection_on_answer(void *userdata, const struct sim_call_result *result)
{
	struct connection *connection = userdata;
	bool sent = send_reply(connection, sim_order_called(result));

	connection->call = sim_call_free(connection->call);
	if (!sent || sd_event_source_set_enabled(connection->source, SD_EVENT_ON) < 0 ||
	    !obey_lines(connection))
		(void)connection_free(connection);
}

static json_t *begin_call(struct connection *connection, const struct sim_call_request *request)
{
	struct sim_site *site = &connection->control->world->site;
	int error = sim_call_new(site->event, &site->address, request, connection_on_answer,
				 connection, &connection->call);

	if (error == 0)
		error = sd_event_source_set_enabled(connection->source, SD_EVENT_OFF);
	if (error < 0)
		connection->call = sim_call_free(connection->call);

	switch (error) {
	case -EINVAL:
		return sim_order_refusal("A call is METHOD URL [PAYLOAD], with one of CoAP's "
					 "methods and a URL such as coap://127.0.0.1:3000/a/b.");
	case -EMSGSIZE:
		return sim_order_refusal("The payload of a call has 1024 bytes at most.");
	default:
		return error < 0 ? sim_order_refusal("The device cannot be called.") : NULL;
	}
}

static bool obey(struct connection *connection, const char *line, size_t len)
{
	json_auto_t *order = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	struct sim_call_request call;
	json_t *reply;

	if (!order)
		return send_reply(connection, sim_order_refusal("The order is not JSON."));

	reply = sim_order_obey(connection->control->world, order, &call);
	if (!reply)
		reply = begin_call(connection, &call);

	return reply ? send_reply(connection, reply) : true;
}

/* False: the connection is of no more use. */
static bool obey_lines(struct connection *connection)
{
	char *end;

	while (!connection->call && (end = memchr(connection->line, '\n', connection->len))) {
		size_t used = (size_t)(end - connection->line) + 1;

		if (!obey(connection, connection->line, used - 1))
			return false;
		connection->len -= used;
		memmove(connection->line, connection->line + used, connection->len);
	}
	if (connection->call || connection->len < sizeof(connection->line))
		return true;

	(void)send_reply(connection, sim_order_refusal("The order is too long."));

	return false;
}

static int connection_on_ready(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct connection *connection = userdata;
	ssize_t len;

	(void)source;
	(void)events;
	len = recv(fd, connection->line + connection->len,
		   sizeof(connection->line) - connection->len, 0);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (len > 0) {
		connection->len += (size_t)len;
		if (obey_lines(connection))
			return 0;
	}
	(void)connection_free(connection);

	return 0;
}

static void connection_new(struct sim_control *control, int fd)
{
	struct connection *connection = NULL;

	if (control->n_connections < MAX_CONNECTIONS)
		connection = calloc(1, sizeof(*connection));
	if (!connection) {
		(void)close(fd);
		return;
	}

	connection->control = control;
	connection->fd = fd;
	LIST_INSERT_HEAD(&control->connections, connection, entry);
	control->n_connections++;
	if (sd_event_add_io(control->world->site.event, &connection->source, fd, EPOLLIN,
			    connection_on_ready, connection) < 0)
		(void)connection_free(connection);
}

static int control_on_ready(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	/* cppcheck-suppress nullPointer ; nobody asks who it is */
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)events;
	if (client >= 0)
		connection_new(userdata, client);

	return 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int bind_to(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t mask;
	int error;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;

	(void)strcpy(address.sun_path, path);
	mask = umask(0177);
	error = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	(void)umask(mask);

	return error;
}

static int listen_at(struct sim_control *control, const char *path)
{
	int error;

	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd < 0)
		return -errno;

	error = bind_to(control->fd, path);
	if (error < 0)
		return error;

	control->path = strdup(path);
	if (!control->path) {
		(void)unlink(path);
		return -ENOMEM;
	}
	if (listen(control->fd, MAX_CONNECTIONS) < 0)
		return -errno;

	return sd_event_add_io(control->world->site.event, &control->source, control->fd, EPOLLIN,
			       control_on_ready, control);
}

/**
 * sim_control_new() - take orders
 * @world: who obeys; outlives the control
 * @path: of the socket, which must not exist
 * @ret: the control
 *
 * Return: 0; -ENAMETOOLONG; -EADDRINUSE when the path exists, or what else bind() says; -ENOMEM.
 */
int sim_control_new(struct sim_world *world, const char *path, struct sim_control **ret)
{
	struct sim_control *control = calloc(1, sizeof(*control));
	int error;

	if (!control)
		return -ENOMEM;

	LIST_INIT(&control->connections);
	control->world = world;
	error = listen_at(control, path);
	if (error < 0) {
		(void)sim_control_free(control);
		return error;
	}
	*ret = control;

	return 0;
}

/**
 * sim_control_free() - take no more orders, and remove the socket
 * @control: may be NULL or half-built
 *
 * Return: NULL.
 */
struct sim_control *sim_control_free(struct sim_control *control)
{
	struct connection *connection;

	if (!control)
		return NULL;

	while ((connection = LIST_FIRST(&control->connections)))
		(void)connection_free(connection);
	(void)sd_event_source_disable_unref(control->source);
	if (control->path)
		(void)unlink(control->path);
	if (control->fd >= 0)
		(void)close(control->fd);
	free(control->path);
	free(control);

	return NULL;
}
