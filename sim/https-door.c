/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd runs without a thread of its own here: it lends the loop one epoll descriptor that
 * stands for all connections, and says after each step how long it can wait for the next.
 */
#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "sim/clock.h"
#include "sim/http.h"
#include "sim/https-door.h"

#define CONNECTIONS_MAX 64u
#define IDLE_S 30u
#define BACKLOG 16

struct sim_https_door {
	struct sim_house *house;
	struct MHD_Daemon *daemon;
	sd_event_source *io;
	sd_event_source *timer;
};

/* ---- Requests -------------------------------------------------------------------------------- */

static const char *header(struct MHD_Connection *connection, const char *name)
{
	const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);

	return value ? value : "";
}

static void print_peer(struct MHD_Connection *connection, char ret_text[SIM_ADDRESS_TEXT])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct sim_address address = { 0 };

	ret_text[0] = '\0';
	if (!info || !info->client_addr)
		return;
	if (info->client_addr->sa_family == AF_INET)
		memcpy(&address.in, info->client_addr, sizeof(address.in));
	else
		memcpy(&address.in6, info->client_addr, sizeof(address.in6));
	sim_address_print(&address, ret_text);
}

static enum MHD_Result add_header(struct MHD_Response *response, const char *name,
				  const char *value)
{
	return value && *value ? MHD_add_response_header(response, name, value) : MHD_YES;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct sim_http_reply *reply)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		reply->body_len, reply->body, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result = MHD_NO;

	if (!response)
		return MHD_NO;
	if (add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type) == MHD_YES &&
	    add_header(response, MHD_HTTP_HEADER_CONTENT_RANGE, reply->content_range) == MHD_YES &&
	    add_header(response, MHD_HTTP_HEADER_ALLOW,
		       reply->status == MHD_HTTP_METHOD_NOT_ALLOWED ? MHD_HTTP_METHOD_GET : "") ==
		    MHD_YES)
		result = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);

	return result;
}

static void ask_cloud(struct sim_https_door *door, struct MHD_Connection *connection,
		      const char *path, struct sim_http_reply *reply)
{
	char peer[SIM_ADDRESS_TEXT];
	const struct sim_http_request request = {
		.now = sim_clock_now(),
		.peer = peer,
		.path = path,
		.accept = header(connection, MHD_HTTP_HEADER_ACCEPT),
		.range = header(connection, MHD_HTTP_HEADER_RANGE),
	};

	print_peer(connection, peer);
	sim_house_fetch(door->house, &request, reply);
}

/* Called at first with the headers alone, then for each part of a body, and then to be answered. */
static enum MHD_Result door_on_request(void *userdata, struct MHD_Connection *connection,
				       const char *url, const char *method, const char *version,
				       const char *upload, size_t *upload_len, void **seen)
{
	struct sim_http_reply reply = { .status = MHD_HTTP_NOT_FOUND };

	(void)version;
	(void)upload;
	if (!*seen || *upload_len > 0) {
		*seen = userdata;
		*upload_len = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) == 0)
		ask_cloud(userdata, connection, url, &reply);
	else
		reply.status = MHD_HTTP_METHOD_NOT_ALLOWED;

	return send_reply(connection, &reply);
}

/* What clients do wrong is theirs to see. */
static void library_on_log(void *userdata, const char *format, va_list args)
{
	(void)userdata;
	(void)format;
	(void)args;
}

/* ---- The loop -------------------------------------------------------------------------------- */

static int step(struct sim_https_door *door)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;
	int error;

	(void)MHD_run(door->daemon);
	if (MHD_get_timeout(door->daemon, &wait_ms) != MHD_YES)
		return sd_event_source_set_enabled(door->timer, SD_EVENT_OFF);
	error = sd_event_source_set_time_relative(door->timer, wait_ms * 1000);

	return error < 0 ? error : sd_event_source_set_enabled(door->timer, SD_EVENT_ONESHOT);
}

static int door_on_ready(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;

	return step(userdata);
}

static int door_on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;

	return step(userdata);
}

static int join_loop(struct sim_https_door *door, sd_event *event)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(door->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int error;

	if (!info)
		return -ENOTSUP;
	error = sd_event_add_time_relative(event, &door->timer, CLOCK_MONOTONIC, 0, 0, door_on_time,
					   door);
	if (error >= 0)
		error = sd_event_add_io(event, &door->io, info->epoll_fd, EPOLLIN, door_on_ready,
					door);

	return error < 0 ? error : 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* Not libmicrohttpd's own way, which does not say why it could not. */
static int listen_at(struct sim_address *address)
{
	const int yes = 1;
	int error, fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			       IPPROTO_TCP);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    bind(fd, &address->any, address->len) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, &address->any, &address->len) < 0) {
		error = -errno;
		(void)close(fd);
		return error;
	}

	return fd;
}

/* The descriptor is libmicrohttpd's from here on, also when it fails. */
static int start(struct sim_https_door *door, const struct sim_authority *authority, int fd)
{
	door->daemon =
		MHD_start_daemon(MHD_USE_TLS | MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL,
				 door_on_request, door, MHD_OPTION_EXTERNAL_LOGGER, library_on_log,
				 NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_HTTPS_MEM_CERT,
				 sim_authority_certificate(authority), MHD_OPTION_HTTPS_MEM_KEY,
				 sim_authority_certificate_key(authority),
				 MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
				 MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_END);

	return door->daemon ? 0 : -EIO;
}

/**
 * sim_https_door_new() - listen for a cloud
 * @event: the loop; outlives the door
 * @house: who answers; outlives the door
 * @authority: who made the certificate; outlives the door
 * @address: where; with port 0 it tells afterwards what the kernel chose
 * @ret: the door
 *
 * Return: 0; -ENOMEM; -EIO when libmicrohttpd cannot; -EADDRINUSE when the port is another's, or
 * what else bind() says.
 */
int sim_https_door_new(sd_event *event, struct sim_house *house,
		       const struct sim_authority *authority, struct sim_address *address,
		       struct sim_https_door **ret)
{
	struct sim_https_door *door = calloc(1, sizeof(*door));
	struct sim_address bound = *address;
	int error;

	if (!door)
		return -ENOMEM;

	door->house = house;
	error = listen_at(&bound);
	if (error >= 0)
		error = start(door, authority, error);
	if (error == 0)
		error = join_loop(door, event);
	if (error < 0) {
		(void)sim_https_door_free(door);
		return error;
	}
	*address = bound;
	*ret = door;

	return 0;
}

/**
 * sim_https_door_free() - listen no more, and end all connections
 * @door: may be NULL or half-built
 *
 * Return: NULL.
 */
struct sim_https_door *sim_https_door_free(struct sim_https_door *door)
{
	if (!door)
		return NULL;

	(void)sd_event_source_disable_unref(door->io);
	(void)sd_event_source_disable_unref(door->timer);
	if (door->daemon)
		MHD_stop_daemon(door->daemon);
	free(door);

	return NULL;
}
