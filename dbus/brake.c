/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/epoll.h>

#include "daemon/log.h"
#include "daemon/loop.h"
#include "dbus/brake.h"

/* 0 also for a connection that is over: whatever is to be done then is done by the loop. */
static uint64_t count_unsent(const struct sb_brake *brake)
{
	uint64_t n;

	if (sd_bus_is_open(brake->connection) <= 0 ||
	    sd_bus_get_n_queued_write(brake->connection, &n) < 0)
		return 0;

	return n;
}

static int attach(struct sb_brake *brake)
{
	return sd_bus_attach_event(brake->connection, sb_loop_event(brake->loop),
				   SD_EVENT_PRIORITY_NORMAL);
}

static void let_go(struct sb_brake *brake)
{
	int r;

	brake->writable = sb_watch_free(brake->writable);
	r = attach(brake);
	if (r < 0)
		sb_log(LOG_ERR, "the message bus cannot be read any more (%s): restart the daemon",
		       strerror(-r));
}

/* While something can be written, sd-bus writes, and reads nothing. */
static void brake_on_writable(void *userdata, uint32_t events)
{
	struct sb_brake *brake = userdata;
	int r;

	(void)events;
	r = sd_bus_process(brake->connection, NULL);
	if (r < 0 || count_unsent(brake) <= brake->max / 2)
		let_go(brake);
}

static void pull(struct sb_brake *brake)
{
	int r;

	(void)sd_bus_detach_event(brake->connection);
	r = sb_watch_new(brake->loop, sd_bus_get_fd(brake->connection), EPOLLOUT, brake_on_writable,
			 brake, &brake->writable);
	if (r < 0)
		let_go(brake);
}

static int brake_on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct sb_brake *brake = userdata;

	(void)message;
	(void)error;
	if (!brake->writable && count_unsent(brake) > brake->max)
		pull(brake);

	return 0;
}

/**
 * sb_brake_init() - watch how much waits to be sent
 * @brake: to be set up
 * @connection: lent; attached to the loop with normal priority, with one socket for both directions
 * @loop: outlives it
 * @max: SB_BRAKE_UNSENT_MAX
 *
 * Return: 0, or a negative errno.
 */
int sb_brake_init(struct sb_brake *brake, sd_bus *connection, struct sb_loop *loop, uint64_t max)
{
	int r;

	*brake = (struct sb_brake){ .connection = connection, .loop = loop, .max = max };
	r = sd_bus_add_filter(connection, &brake->filter, brake_on_message, brake);

	return r < 0 ? r : 0;
}

/**
 * sb_brake_done() - watch no more; if the brake is pulled, the connection stays detached
 * @brake: set up, or zeroed
 */
void sb_brake_done(struct sb_brake *brake)
{
	brake->filter = sd_bus_slot_unref(brake->filter);
	brake->writable = sb_watch_free(brake->writable);
}
