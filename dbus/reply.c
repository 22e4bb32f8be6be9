/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text on the bus must be UTF-8, and sd-bus refuses to send anything else. Topics, reasons and
 * device names come from clouds and plugins, and a sentence may have been cut within a character:
 * such text is sent with a question mark for each byte that is not ASCII, rather than not at all.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/store.h"
#include "dbus/call.h"
#include "dbus/parts.h"
#include "dbus/reply.h"

SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

static void make_ascii(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			*text = '?';
}

/**
 * sb_bus_append_text() - append a string that may come from outside
 * @message: where
 * @text: any bytes up to a zero
 *
 * Return: what sd_bus_message_append_basic() returns; text that is not UTF-8 is no failure.
 */
int sb_bus_append_text(sd_bus_message *message, const char *text)
{
	SB_CLEANUP(sb_free) char *ascii = NULL;
	int r;

	r = sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING, text);
	if (r != -EINVAL)
		return r;

	ascii = strdup(text);
	if (!ascii)
		return -ENOMEM;
	make_ascii(ascii);

	return sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING, ascii);
}

/**
 * sb_bus_reply_error() - answer a method call with an error
 * @call: the method call
 * @error: becomes io.skybus.Gateway1.Error.<Name> with its sentence
 *
 * Return: 1, which tells sd-bus that a method call was dealt with; or a negative errno.
 */
int sb_bus_reply_error(sd_bus_message *call, const struct sb_error *error)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	struct sb_error plain = *error;
	char name[128];
	int r;

	(void)snprintf(name, sizeof(name), SB_BUS_ERROR_PREFIX "%s", sb_error_name(error->code));
	r = sd_bus_message_new_method_error(call, &reply,
					    &SD_BUS_ERROR_MAKE_CONST(name, plain.text));
	if (r == -EINVAL) {
		make_ascii(plain.text);
		r = sd_bus_message_new_method_error(call, &reply,
						    &SD_BUS_ERROR_MAKE_CONST(name, plain.text));
	}
	if (r < 0)
		return r;
	r = sd_bus_send(NULL, reply, NULL);

	return r < 0 ? r : 1;
}

/**
 * sb_bus_reply_failed() - answer a method call for which the store could not be asked
 * @call: the method call
 * @r: why, a negative errno
 *
 * Return: 1, or a negative errno.
 */
int sb_bus_reply_failed(sd_bus_message *call, int r)
{
	struct sb_error error;

	(void)sb_error_set(&error, SB_ERROR_FAILED,
			   "%s could not be done (%s): see the journal, and whether the disk is "
			   "full or broken",
			   sd_bus_message_get_member(call), strerror(-r));

	return sb_bus_reply_error(call, &error);
}

/**
 * sb_bus_append_settlement() - append outcome, code and reason, "sss"
 * @message: where
 * @settlement: what became of a message, or where it is until then
 *
 * Return: >= 0, or a negative errno.
 */
int sb_bus_append_settlement(sd_bus_message *message, const struct sb_settlement *settlement)
{
	int r;

	r = sb_bus_append_text(message, sb_outcome_word(settlement->outcome));
	if (r < 0)
		return r;
	r = sb_bus_append_text(message, settlement->code);
	if (r < 0)
		return r;

	return sb_bus_append_text(message, settlement->reason);
}

/**
 * sb_bus_reply_settlement() - answer a call of Ticket or WaitTicket
 * @call: the method call
 * @settlement: what became of the message
 *
 * Return: >= 0, or a negative errno.
 */
int sb_bus_reply_settlement(sd_bus_message *call, const struct sb_settlement *settlement)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	int r;

	r = sd_bus_message_new_method_return(call, &reply);
	if (r < 0)
		return r;
	r = sb_bus_append_settlement(reply, settlement);
	if (r < 0)
		return r;

	return sd_bus_send(NULL, reply, NULL);
}

/**
 * sb_bus_reply_ticket() - answer a method call that waits; an sb_published_fn
 * @call: a struct sb_bus_call; ends
 * @ticket: the answer
 * @error: instead of it; NULL on success
 */
void sb_bus_reply_ticket(void *call, uint64_t ticket, const struct sb_error *error)
{
	SB_CLEANUP(sd_bus_message_unref)
	sd_bus_message *message = sb_bus_call_end(call, NULL);

	if (!message)
		return;

	if (error)
		(void)sb_bus_reply_error(message, error);
	else
		(void)sd_bus_reply_method_return(message, "t", ticket);
}

static int reply_numbers(sd_bus_message *call, const uint64_t *numbers, size_t n)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	int r;

	r = sd_bus_message_new_method_return(call, &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_append_array(reply, SD_BUS_TYPE_UINT64, numbers, n * sizeof(*numbers));
	if (r < 0)
		return r;

	return sd_bus_send(NULL, reply, NULL);
}

/**
 * sb_bus_reply_tickets() - the same with several tickets; an sb_published_all_fn
 * @call: a struct sb_bus_call; ends
 * @tickets: the answer
 * @n: how many
 * @error: instead of it; NULL on success
 */
void sb_bus_reply_tickets(void *call, const uint64_t *tickets, size_t n,
			  const struct sb_error *error)
{
	SB_CLEANUP(sd_bus_message_unref)
	sd_bus_message *message = sb_bus_call_end(call, NULL);

	if (!message)
		return;

	if (error)
		(void)sb_bus_reply_error(message, error);
	else
		(void)reply_numbers(message, tickets, n);
}

/**
 * sb_bus_reply_done() - answer a method call that waits and has no result; an sb_cancelled_fn, an
 *	sb_letter_done_fn
 * @call: a struct sb_bus_call; ends
 * @error: what went wrong; NULL on success
 */
void sb_bus_reply_done(void *call, const struct sb_error *error)
{
	SB_CLEANUP(sd_bus_message_unref)
	sd_bus_message *message = sb_bus_call_end(call, NULL);

	if (!message)
		return;

	if (error)
		(void)sb_bus_reply_error(message, error);
	else
		(void)sd_bus_reply_method_return(message, NULL);
}

/**
 * sb_bus_append_pair() - an entry of a dictionary {ss}
 * @message: to append to
 * @key: static
 * @value: from anywhere; if it is NULL or empty, there is no entry
 *
 * Return: 0 or more, or a negative errno.
 */
int sb_bus_append_pair(sd_bus_message *message, const char *key, const char *value)
{
	int r;

	if (!value || *value == '\0')
		return 0;
	r = sd_bus_message_open_container(message, SD_BUS_TYPE_DICT_ENTRY, "ss");
	if (r < 0)
		return r;
	r = sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING, key);
	if (r < 0)
		return r;
	r = sb_bus_append_text(message, value);
	if (r < 0)
		return r;

	return sd_bus_message_close_container(message);
}

/**
 * sb_bus_append_number_pair() - an entry of a dictionary {ss} that is a number
 * @message: to append to
 * @key: static
 * @value: if it is 0, there is no entry
 *
 * Return: 0 or more, or a negative errno.
 */
int sb_bus_append_number_pair(sd_bus_message *message, const char *key, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);

	return sb_bus_append_pair(message, key, value > 0 ? text : NULL);
}
