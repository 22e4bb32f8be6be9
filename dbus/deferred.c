/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/deferred.h"
#include "dbus/reply.h"

/* What a method call takes beside its parameters, and a text beside its letters: roughly, and not too little. */
#define CALL_BYTES 1024
#define TEXT_BYTES 8

struct sb_deferred_call {
	sd_bus_message *call;
	size_t bytes;
	sb_identified_fn *handle;
	void *userdata;
	TAILQ_ENTRY(sb_deferred_call) entry;
};

static void drop(struct sb_deferred *deferred, struct sb_deferred_call *call)
{
	TAILQ_REMOVE(&deferred->calls, call, entry);
	deferred->n--;
	*deferred->all_bytes -= call->bytes;
	(void)sd_bus_message_unref(call->call);
	free(call);
}

/* sd-bus does not tell how large a message is. What has a fixed size is within CALL_BYTES. */
static int add_parameters(sd_bus_message *call, size_t *bytes)
{
	const char *contents;
	const void *data;
	size_t len;
	char type;
	int r;

	while ((r = sd_bus_message_peek_type(call, &type, &contents)) > 0) {
		if (type == SD_BUS_TYPE_STRING) {
			r = sd_bus_message_read_basic(call, type, &data);
			*bytes += r > 0 ? TEXT_BYTES + strlen(data) : 0;
		} else if (type == SD_BUS_TYPE_ARRAY && strcmp(contents, "y") == 0) {
			r = sd_bus_message_read_array(call, SD_BUS_TYPE_BYTE, &data, &len);
			*bytes += r > 0 ? len : 0;
		} else if (contents) {
			r = sd_bus_message_enter_container(call, type, contents);
			if (r >= 0)
				r = add_parameters(call, bytes);
			if (r >= 0)
				r = sd_bus_message_exit_container(call);
		} else {
			r = sd_bus_message_skip(call, NULL);
		}
		if (r < 0)
			return r;
	}

	return r;
}

static int measure(sd_bus_message *call, size_t *ret_bytes)
{
	size_t bytes = CALL_BYTES;
	int r;

	r = add_parameters(call, &bytes);
	if (r < 0)
		return r;
	r = sd_bus_message_rewind(call, true);
	if (r < 0)
		return r;

	*ret_bytes = bytes;

	return 0;
}

/**
 * sb_deferred_init() - none
 * @deferred: to be set up
 * @all_bytes: lent, and shared by all senders; 0 before
 */
void sb_deferred_init(struct sb_deferred *deferred, size_t *all_bytes)
{
	*deferred = (struct sb_deferred){ .all_bytes = all_bytes };
	TAILQ_INIT(&deferred->calls);
}

/**
 * sb_deferred_add() - let a call wait
 * @deferred: the calls of its sender
 * @call: of which nothing has been read; a reference is taken
 * @handle: what is to be done with it
 * @userdata: for @handle
 *
 * Return: 1; -ENOBUFS when there is no room; another negative errno.
 */
int sb_deferred_add(struct sb_deferred *deferred, sd_bus_message *call, sb_identified_fn *handle,
		    void *userdata)
{
	struct sb_deferred_call *waiting;
	size_t bytes;
	int r;

	r = measure(call, &bytes);
	if (r < 0)
		return r;
	if (deferred->n >= SB_DEFERRED_MAX || *deferred->all_bytes + bytes > SB_DEFERRED_BYTES_MAX)
		return -ENOBUFS;
	waiting = calloc(1, sizeof(*waiting));
	if (!waiting)
		return -ENOMEM;

	waiting->call = sd_bus_message_ref(call);
	waiting->bytes = bytes;
	waiting->handle = handle;
	waiting->userdata = userdata;
	TAILQ_INSERT_TAIL(&deferred->calls, waiting, entry);
	deferred->n++;
	*deferred->all_bytes += bytes;

	return 1;
}

/**
 * sb_deferred_carry_out() - the sender is known: deal with its calls
 * @deferred: its calls; none afterwards
 * @sender: who it is
 */
void sb_deferred_carry_out(struct sb_deferred *deferred, const struct sb_identity *sender)
{
	struct sb_deferred_call *waiting;
	int r;

	while ((waiting = TAILQ_FIRST(&deferred->calls))) {
		r = waiting->handle(waiting->call, waiting->userdata, sender);
		if (r < 0)
			(void)sd_bus_reply_method_errno(waiting->call, r, NULL);
		drop(deferred, waiting);
	}
}

/**
 * sb_deferred_refuse() - answer all calls with an error
 * @deferred: the calls; none afterwards
 * @why: the error
 */
void sb_deferred_refuse(struct sb_deferred *deferred, const struct sb_error *why)
{
	struct sb_deferred_call *waiting;

	while ((waiting = TAILQ_FIRST(&deferred->calls))) {
		(void)sb_bus_reply_error(waiting->call, why);
		drop(deferred, waiting);
	}
}

/**
 * sb_deferred_refuse_about() - answer some calls with an error
 * @deferred: the calls
 * @userdata: those that were added with it
 * @why: the error
 */
void sb_deferred_refuse_about(struct sb_deferred *deferred, const void *userdata,
			      const struct sb_error *why)
{
	struct sb_deferred_call *waiting;
	struct sb_deferred_call *next;

	for (waiting = TAILQ_FIRST(&deferred->calls); waiting; waiting = next) {
		next = TAILQ_NEXT(waiting, entry);
		if (waiting->userdata != userdata)
			continue;
		(void)sb_bus_reply_error(waiting->call, why);
		drop(deferred, waiting);
	}
}
