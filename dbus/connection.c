/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is sent over a connection that is being made waits in sd-bus, in its order: so all that has to be asked
 * of the bus is asked at once, and the answer to the last question tells how it went. The bus hands out the
 * name before it hands on the first call to it, and sd-bus deals with one message at a time: objects that are
 * put there when that answer has come are there for whoever finds the name.
 *
 * A bus that takes the connection and says nothing more is given up by sd-bus itself, after 25 s for each
 * thing that it owes us.
 *
 * A connection that is over is freed by the timer that tries again, since sd-bus may still be at work on it.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "dbus/connection.h"
#include "dbus/parts.h"
#include "dbus/pump.h"

/* The first attempt, and then each after twice the time of the one before, up to the most. */
#define RETRY_MIN_USEC (100 * SB_USEC_PER_MSEC)
#define RETRY_MAX_USEC (5 * SB_USEC_PER_SEC)

/* How long the bus may take no more of what is left to be sent when the daemon ends. */
#define FLUSH_MSEC 2000

/* What RequestName may answer, of the D-Bus specification; others mean that somebody else has it. */
#define PRIMARY_OWNER 1
#define ALREADY_OWNER 4

/**
 * struct sb_connection - see above
 * @retry: armed while there is no connection, and none is being made
 * @name: the one that is ours when we are up
 * @delay_usec: until the attempt after the next
 * @up: we have the name
 * @refused: the bus did not give it to us, and that has been logged
 */
struct sb_connection {
	char *address;
	bool session;
	char *name;
	struct sb_loop *loop;
	struct sb_connection_events events;
	void *userdata;
	sd_bus *bus;
	sd_bus_slot *disconnected;
	sd_bus_slot *naming;
	struct sb_pump pump;
	struct sb_timer retry;
	uint64_t delay_usec;
	bool up;
	bool refused;
};

SB_DEFINE_CLEANUP(struct sb_connection *, sb_connection_free)
SB_DEFINE_CLEANUP(sd_bus *, sd_bus_unref)

static const char *bus_word(const struct sb_connection *connection)
{
	if (connection->address)
		return "given";

	return connection->session ? "session" : "system";
}

/* ---- the end of one -------------------------------------------------------------------------- */

/* sd_bus_flush() would wait for ever for a bus that does not read. */
static void flush(sd_bus *bus)
{
	struct pollfd door = { .fd = sd_bus_get_fd(bus), .events = POLLOUT };
	uint64_t n;

	/* While something can be written, sd-bus writes, and reads nothing. */
	while (sd_bus_get_n_queued_write(bus, &n) >= 0 && n > 0 && poll(&door, 1, FLUSH_MSEC) > 0 &&
	       sd_bus_process(bus, NULL) > 0)
		;
}

static void drop(struct sb_connection *connection)
{
	sb_pump_done(&connection->pump);
	connection->naming = sd_bus_slot_unref(connection->naming);
	connection->disconnected = sd_bus_slot_unref(connection->disconnected);
	connection->bus = sd_bus_close_unref(connection->bus);
}

static void try_later(struct sb_connection *connection)
{
	if (sb_timer_armed(&connection->retry))
		return;

	sb_timer_arm(&connection->retry, connection->delay_usec);
	connection->delay_usec *= 2;
	if (connection->delay_usec > RETRY_MAX_USEC)
		connection->delay_usec = RETRY_MAX_USEC;
}

static int connection_on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct sb_connection *connection = userdata;

	(void)message;
	(void)error;
	sb_pump_done(&connection->pump);
	if (connection->up) {
		sb_log_event(SB_EVENT_BUS_LOST, NULL,
			     "the message bus closed the connection: links go on, and apps have to "
			     "subscribe and to wait anew when the bus is back. Its log says why");
		connection->up = false;
		connection->events.down(connection->userdata);
	}
	try_later(connection);

	return 0;
}

/* ---- the name -------------------------------------------------------------------------------- */

static void explain_refusal(const struct sb_connection *connection, int r)
{
	const char *word = bus_word(connection);

	if (r == -EEXIST)
		sb_log_event(
			SB_EVENT_BUS_UNUSABLE, NULL,
			"another process has the name %s on the %s bus: stop the other skybusd "
			"first (systemctl stop skybusd)",
			connection->name, word);
	else if (r == -EACCES || r == -EPERM)
		sb_log_event(
			SB_EVENT_BUS_UNUSABLE, NULL,
			"the %s bus does not let this user have the name %s: install the policy "
			"%s.conf below dbus-1/system.d, and start the daemon as root or skybus",
			word, connection->name, connection->name);
	else
		sb_log_event(SB_EVENT_BUS_UNUSABLE, NULL,
			     "the %s bus does not give us the name %s: %s", word, connection->name,
			     strerror(-r));
}

static int come_up(struct sb_connection *connection)
{
	int r;

	/*
	 * From now on an answer that is missing is most likely one that we have not read yet, behind
	 * many calls: who gives it up takes an app for nobody, or for gone.
	 */
	r = sd_bus_set_method_call_timeout(connection->bus, UINT64_MAX);
	if (r >= 0)
		r = sb_pump_init(&connection->pump, connection->bus, connection->loop,
				 SB_PUMP_UNSENT_MAX);
	if (r >= 0)
		r = connection->events.up(connection->userdata, connection->bus);
	if (r < 0) {
		if (!connection->refused)
			sb_log_event(SB_EVENT_BUS_UNUSABLE, NULL,
				     "cannot show the links on the message bus: %s", strerror(-r));
		connection->refused = true;
		return r;
	}
	connection->up = true;
	connection->refused = false;
	connection->delay_usec = RETRY_MIN_USEC;

	return 0;
}

/* What the bus says to our wish for the name; -ECONNRESET if it says nothing. */
static int read_answer(sd_bus_message *answer)
{
	uint32_t code;
	int r;

	if (sd_bus_message_is_method_error(answer, SD_BUS_ERROR_NO_REPLY))
		return -ECONNRESET;
	if (sd_bus_message_is_method_error(answer, NULL))
		return -sd_bus_message_get_errno(answer);
	r = sd_bus_message_read_basic(answer, SD_BUS_TYPE_UINT32, &code);
	if (r < 0)
		return r;

	return code == PRIMARY_OWNER || code == ALREADY_OWNER ? 0 : -EEXIST;
}

static int connection_on_named(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
	struct sb_connection *connection = userdata;
	int r = read_answer(answer);

	(void)error;
	if (r < 0 && r != -ECONNRESET && !connection->refused) {
		explain_refusal(connection, r);
		connection->refused = true;
	}
	if (r == 0)
		r = come_up(connection);
	if (r < 0) {
		sb_pump_done(&connection->pump);
		sd_bus_close(connection->bus);
		try_later(connection);
		return 0;
	}
	sb_log_event(SB_EVENT_BUS_BACK, NULL, "the message bus is back");

	return 0;
}

/* ---- connecting ------------------------------------------------------------------------------ */

static int open_address(const char *address, sd_bus **ret)
{
	SB_CLEANUP(sd_bus_unref) sd_bus *bus = NULL;
	int r;

	r = sd_bus_new(&bus);
	if (r < 0)
		return r;
	r = sd_bus_set_address(bus, address);
	if (r < 0)
		return r;
	r = sd_bus_set_bus_client(bus, true);
	if (r < 0)
		return r;
	r = sd_bus_start(bus);
	if (r < 0)
		return r;

	*ret = SB_STEAL(bus);

	return 0;
}

static int open_bus(struct sb_connection *connection)
{
	if (connection->address)
		return open_address(connection->address, &connection->bus);

	return connection->session ? sd_bus_open_user(&connection->bus)
				   : sd_bus_open_system(&connection->bus);
}

/* Begins to connect; does not wait. */
static int start(struct sb_connection *connection)
{
	int r;

	r = open_bus(connection);
	if (r < 0)
		return r;
	/* Publishers get their tickets until the daemon is taken off the bus, after the loop has ended. */
	r = sd_bus_set_close_on_exit(connection->bus, false);
	if (r < 0)
		return r;
	r = sd_bus_attach_event(connection->bus, sb_loop_event(connection->loop),
				SD_EVENT_PRIORITY_NORMAL);
	if (r < 0)
		return r;

	return sd_bus_match_signal(connection->bus, &connection->disconnected,
				   "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
				   "org.freedesktop.DBus.Local", "Disconnected",
				   connection_on_disconnected, connection);
}

static void connection_on_retry(struct sb_timer *timer)
{
	struct sb_connection *connection = sb_container_of(timer, struct sb_connection, retry);
	int r;

	drop(connection);
	r = start(connection);
	if (r >= 0)
		r = sd_bus_request_name_async(connection->bus, &connection->naming,
					      connection->name, 0, connection_on_named, connection);
	if (r >= 0)
		return;
	sb_log(LOG_DEBUG, "the %s bus is not there: %s", bus_word(connection), strerror(-r));
	drop(connection);
	try_later(connection);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Waits for the bus. */
static int start_and_wait(struct sb_connection *connection)
{
	int r;

	r = start(connection);
	if (r < 0) {
		sb_log_event(SB_EVENT_BUS_UNUSABLE, NULL,
			     "cannot connect to the %s bus (%s): is dbus-daemon running there?",
			     bus_word(connection), strerror(-r));
		return r;
	}
	r = sd_bus_request_name(connection->bus, connection->name, 0);
	if (r < 0) {
		explain_refusal(connection, r);
		return r;
	}

	return come_up(connection);
}

static int copy_options(struct sb_connection *connection, const struct sb_bus_options *options)
{
	const char *instance = options->instance;

	if (options->address && !(connection->address = strdup(options->address)))
		return -ENOMEM;
	if (asprintf(&connection->name, SB_BUS_NAME "%s%s", instance ? "." : "",
		     instance ? instance : "") < 0) {
		connection->name = NULL;
		return -ENOMEM;
	}
	connection->session = options->session;

	return 0;
}

/**
 * sb_connection_new() - connect to the bus
 * @options: which; copied
 * @loop: outlives the connection
 * @events: copied; @up is called before this returns
 * @userdata: for @events
 * @ret: the connection, the caller's
 *
 * Waits for the bus daemon's answers, so it is for the time before the loop runs.
 *
 * Return: 0, or a negative errno after a sentence in the log; what @up was given is gone then.
 */
int sb_connection_new(const struct sb_bus_options *options, struct sb_loop *loop,
		      const struct sb_connection_events *events, void *userdata,
		      struct sb_connection **ret)
{
	SB_CLEANUP(sb_connection_free)
	struct sb_connection *connection = calloc(1, sizeof(*connection));
	int r;

	if (connection)
		sb_timer_init(&connection->retry, loop, connection_on_retry);
	if (!connection || copy_options(connection, options) < 0) {
		sb_log_event(SB_EVENT_CANNOT_START, NULL, "no memory for the message bus");
		return -ENOMEM;
	}
	connection->loop = loop;
	connection->events = *events;
	connection->userdata = userdata;
	connection->delay_usec = RETRY_MIN_USEC;
	r = start_and_wait(connection);
	if (r < 0)
		return r;

	*ret = SB_STEAL(connection);

	return 0;
}

/**
 * sb_connection_free() - leave the bus, when what was said has been sent
 * @connection: may be NULL or half-built; its owner is told nothing any more
 *
 * Return: NULL.
 */
struct sb_connection *sb_connection_free(struct sb_connection *connection)
{
	if (!connection)
		return NULL;

	sb_timer_disarm(&connection->retry);
	connection->disconnected = sd_bus_slot_unref(connection->disconnected);
	if (connection->up)
		flush(connection->bus);
	drop(connection);
	free(connection->name);
	free(connection->address);
	free(connection);

	return NULL;
}
