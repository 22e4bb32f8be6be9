/* SPDX-License-Identifier: Apache-2.0 */
/*
 * It does what sd_bus_attach_event() does (sd_bus_get_fd(3) has the rules), for a connection that is up. What comes
 * before that, addresses that are tried one after the other and the authentication, is left to the library; and so
 * is what comes after: a connection that fails is given back to it, and closed by it as any other.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/loop.h"
#include "dbus/pump.h"

_Static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT, "sd-bus has those of poll()");

/* 0 also for a connection that is over: whatever is to be done then is done by the loop. */
static uint64_t count_unsent(const struct sb_pump *pump)
{
	uint64_t n;

	if (sd_bus_is_open(pump->connection) <= 0 ||
	    sd_bus_get_n_queued_write(pump->connection, &n) < 0)
		return 0;

	return n;
}

static void look_at_unsent(struct sb_pump *pump)
{
	uint64_t n = count_unsent(pump);

	if (pump->holds)
		pump->holds = n > pump->max / 2;
	else
		pump->holds = n > pump->max;
}

/* Nothing more can come, so the library closes it, and tells so. */
static void give_back(struct sb_pump *pump)
{
	sd_bus *connection = pump->connection;
	int r;

	(void)shutdown(pump->fd, SHUT_RDWR);
	sb_pump_done(pump);
	r = sd_bus_attach_event(connection, sb_loop_event(pump->loop), SD_EVENT_PRIORITY_NORMAL);
	if (r < 0)
		sb_log(LOG_ERR, "the message bus cannot be read any more: restart the daemon");
}

/*
 * While something can be written, sd-bus writes, and reads nothing; so while it holds it does no more than one step.
 * A step may be the connection's last, and its owner has stopped the pump then.
 */
static int turn(struct sb_pump *pump)
{
	size_t left = SB_PUMP_TURN_MAX;
	int r;

	do {
		r = sd_bus_process(pump->connection, NULL);
		if (!pump->connection)
			return 0;
		look_at_unsent(pump);
	} while (r > 0 && !pump->holds && --left > 0);
	if (r < 0)
		give_back(pump);

	return 0;
}

static int pump_on_socket(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;

	return turn(userdata);
}

static int pump_on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;

	return turn(userdata);
}

/* Before the loop waits. What it waits for changes with each message that was not sent at once. */
static int pump_on_prepare(sd_event_source *source, void *userdata)
{
	struct sb_pump *pump = userdata;
	int events = sd_bus_get_events(pump->connection);
	uint64_t at;
	int r;

	if (events >= 0)
		(void)sd_event_source_set_io_events(
			source, (uint32_t)(pump->holds ? events & POLLOUT : events));
	r = sd_bus_get_timeout(pump->connection, &at);
	if (r > 0)
		(void)sd_event_source_set_time(pump->clock, at);

	return sd_event_source_set_enabled(pump->clock, r > 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int add_sources(struct sb_pump *pump)
{
	sd_event *event = sb_loop_event(pump->loop);
	int r;

	r = sd_event_add_io(event, &pump->socket, pump->fd, EPOLLIN, pump_on_socket, pump);
	if (r < 0)
		return r;
	r = sd_event_source_set_prepare(pump->socket, pump_on_prepare);
	if (r < 0)
		return r;
	r = sd_event_add_time(event, &pump->clock, CLOCK_MONOTONIC, 0, 0, pump_on_time, pump);
	if (r < 0)
		return r;

	return sd_event_source_set_enabled(pump->clock, SD_EVENT_OFF);
}

/**
 * sb_pump_init() - begin to pump
 * @pump: to be set up
 * @connection: lent; open, attached to the loop or not, with one socket for both directions
 * @loop: outlives it
 * @max: SB_PUMP_UNSENT_MAX
 *
 * Return: 0, or a negative errno.
 */
int sb_pump_init(struct sb_pump *pump, sd_bus *connection, struct sb_loop *loop, uint64_t max)
{
	int r;

	*pump = (struct sb_pump){ .connection = connection, .loop = loop, .max = max };
	pump->fd = fcntl(sd_bus_get_fd(connection), F_DUPFD_CLOEXEC, 0);
	if (pump->fd < 0) {
		r = -errno;
		pump->connection = NULL;
		return r;
	}
	r = add_sources(pump);
	if (r < 0) {
		sb_pump_done(pump);
		return r;
	}

	return sd_bus_detach_event(connection);
}

/**
 * sb_pump_done() - pump no more; the connection stays detached
 * @pump: set up, or zeroed
 */
void sb_pump_done(struct sb_pump *pump)
{
	if (!pump->connection)
		return;

	pump->socket = sd_event_source_disable_unref(pump->socket);
	pump->clock = sd_event_source_disable_unref(pump->clock);
	(void)close(pump->fd);
	pump->connection = NULL;
}
