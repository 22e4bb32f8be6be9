/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/cleanup.h"
#include "dbus/parts.h"
#include "tests/dbus/client.h"

/* How long anything may take before the test has failed. */
#define PATIENCE_S 20

SB_DEFINE_CLEANUP(struct client *, client_free)
SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

/**
 * loop_until() - let the loop turn
 * @loop: the loop
 * @reached: whether it is time to stop
 * @userdata: for @reached
 *
 * Return: false when it took too long.
 */
bool loop_until(struct sb_loop *loop, bool (*reached)(void *userdata), void *userdata)
{
	struct timespec now;
	time_t deadline;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	deadline = now.tv_sec + PATIENCE_S;
	while (!reached(userdata)) {
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > deadline || sb_loop_turn(loop, 10 * SB_USEC_PER_MSEC) < 0)
			return false;
	}

	return true;
}

/**
 * loop_settle_down() - let the loop turn until nothing more comes
 * @loop: the loop
 */
void loop_settle_down(struct sb_loop *loop)
{
	while (sb_loop_turn(loop, 10 * SB_USEC_PER_MSEC) > 0)
		;
}

static int client_on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct client *client = userdata;

	(void)error;
	if (sd_bus_message_is_signal(message, NULL, NULL) &&
	    strncmp(sd_bus_message_get_path(message), SB_BUS_ROOT, strlen(SB_BUS_ROOT)) == 0 &&
	    client->n_signals < CLIENT_SIGNALS_MAX)
		client->signals[client->n_signals++] = sd_bus_message_ref(message);

	return 0;
}

/**
 * client_new() - connect an app
 * @loop: outlives it
 * @address: of the bus
 *
 * Return: the client, the caller's; NULL if it could not connect.
 */
struct client *client_new(struct sb_loop *loop, const char *address)
{
	SB_CLEANUP(client_free) struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->loop = loop;
	if (sd_bus_new(&client->bus) < 0 || sd_bus_set_address(client->bus, address) < 0 ||
	    sd_bus_set_bus_client(client->bus, true) < 0 || sd_bus_start(client->bus) < 0 ||
	    sd_bus_set_close_on_exit(client->bus, false) < 0 ||
	    sd_bus_attach_event(client->bus, sb_loop_event(loop), 0) < 0 ||
	    sd_bus_add_filter(client->bus, NULL, client_on_message, client) < 0 ||
	    sd_bus_add_match(client->bus, NULL, "type='signal'", NULL, NULL) < 0)
		return NULL;

	return SB_STEAL(client);
}

/**
 * client_free() - disconnect an app
 * @client: may be NULL or half-built
 *
 * Return: NULL.
 */
struct client *client_free(struct client *client)
{
	if (!client)
		return NULL;

	client_forget_signals(client);
	(void)sd_bus_flush_close_unref(client->bus);
	free(client);

	return NULL;
}

/**
 * client_name() - its unique name
 * @client: the client
 *
 * Return: lent.
 */
const char *client_name(const struct client *client)
{
	const char *name = NULL;

	(void)sd_bus_get_unique_name(client->bus, &name);

	return name;
}

static int call_on_reply(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct client_call *call = userdata;

	(void)error;
	call->reply = sd_bus_message_ref(message);

	return 0;
}

/**
 * client_begin_message() - call a method and do not wait
 * @client: who calls
 * @call: zeroed or used before; client_call_done() is for the caller
 * @message: the method call
 */
void client_begin_message(struct client *client, struct client_call *call, sd_bus_message *message)
{
	client_call_done(call);
	if (sd_bus_call_async(client->bus, &call->slot, message, call_on_reply, call, 0) < 0)
		abort();
}

/**
 * client_begin() - the same with the parameters
 * @client: who calls
 * @call: as above
 * @path: of the object
 * @method: of the manager's interface for its path, of any interface if it has a dot, else of a
 *	link's
 * @types: signature of the parameters, which follow
 */
void client_begin(struct client *client, struct client_call *call, const char *path,
		  const char *method, const char *types, ...)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *message = NULL;
	const char *dot = strrchr(method, '.');
	SB_CLEANUP(sb_free)
	char *interface = dot ? strndup(method, (size_t)(dot - method))
			      : strdup(strcmp(path, SB_BUS_ROOT) == 0 ? SB_BUS_MANAGER_INTERFACE
								      : SB_BUS_LINK_INTERFACE);
	va_list args;

	if (sd_bus_message_new_method_call(client->bus, &message, SB_BUS_NAME, path, interface,
					   dot ? dot + 1 : method) < 0)
		abort();
	va_start(args, types);
	if (sd_bus_message_appendv(message, types, args) < 0)
		abort();
	va_end(args);
	client_begin_message(client, call, message);
}

static bool has_reply(void *userdata)
{
	const struct client_call *call = userdata;

	return call->reply != NULL;
}

/**
 * client_end() - wait for the reply
 * @client: who called
 * @call: what client_begin() began
 *
 * Return: the reply, lent by @call, which may be an error; NULL if none came.
 */
sd_bus_message *client_end(struct client *client, struct client_call *call)
{
	(void)loop_until(client->loop, has_reply, call);

	return call->reply;
}

/**
 * client_call_done() - forget a call
 * @call: begun or zeroed; zeroed again afterwards
 */
void client_call_done(struct client_call *call)
{
	call->slot = sd_bus_slot_unref(call->slot);
	call->reply = sd_bus_message_unref(call->reply);
}

/**
 * client_signal() - a signal that it heard
 * @client: the client
 * @member: name of the signal
 * @index: which of them, from 0
 *
 * Return: lent; NULL if there is none.
 */
sd_bus_message *client_signal(const struct client *client, const char *member, size_t index)
{
	size_t i;

	for (i = 0; i < client->n_signals; i++)
		if (strcmp(sd_bus_message_get_member(client->signals[i]), member) == 0 &&
		    index-- == 0)
			return client->signals[i];

	return NULL;
}

struct expected {
	const struct client *client;
	const char *member;
};

static bool has_signal(void *userdata)
{
	const struct expected *expected = userdata;

	return client_signal(expected->client, expected->member, 0) != NULL;
}

/**
 * client_wait_signal() - wait for the first signal of a name
 * @client: the client
 * @member: name of the signal
 *
 * Return: lent; NULL if none came.
 */
sd_bus_message *client_wait_signal(struct client *client, const char *member)
{
	struct expected expected = { .client = client, .member = member };

	(void)loop_until(client->loop, has_signal, &expected);

	return client_signal(client, member, 0);
}

/**
 * client_forget_signals() - as if it had heard none yet
 * @client: the client
 */
void client_forget_signals(struct client *client)
{
	while (client->n_signals > 0)
		(void)sd_bus_message_unref(client->signals[--client->n_signals]);
}

/**
 * client_settle_down() - wait until everything that the daemon has sent so far has come
 * @client: the client
 *
 * The bus keeps the order of what one connection sends to another, so a reply comes last.
 */
void client_settle_down(struct client *client)
{
	struct client_call call = { 0 };

	client_begin(client, &call, SB_BUS_ROOT, "org.freedesktop.DBus.Peer.Ping", "");
	(void)client_end(client, &call);
	client_call_done(&call);
}

/**
 * client_flush() - wait until the bus has handed on all that the client has sent; no loop turns
 * @client: the client
 */
void client_flush(struct client *client)
{
	(void)sd_bus_call_method(client->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
				 "org.freedesktop.DBus", "GetId", NULL, NULL, "");
}
