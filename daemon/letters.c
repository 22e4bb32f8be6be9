/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A letter that is sent again is a new message with a new ticket, and the moment when it was first taken.
 * The letter goes when the new message is stored, in the same transaction: at no moment is it in both
 * places, or in neither.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/letters.h"

/** struct errand - something asked of the store; one of the callbacks is set */
struct errand {
	struct sb_gateway *gateway;
	struct sb_outbox *outbox;
	uint64_t ticket;
	sb_store_records_fn *found;
	sb_letter_done_fn *discarded;
	sb_published_fn *published;
	void *userdata;
	char *sender;
	uint32_t owner;
};

static struct errand *errand_free(struct errand *errand)
{
	if (!errand)
		return NULL;

	free(errand->sender);
	free(errand);

	return NULL;
}

SB_DEFINE_CLEANUP(struct errand *, errand_free)
SB_DEFINE_CLEANUP(struct sb_message *, sb_message_free)

static struct errand *errand_new(struct sb_gateway *gateway, uint64_t ticket, void *userdata)
{
	struct errand *errand = calloc(1, sizeof(*errand));

	if (!errand)
		return NULL;
	errand->gateway = gateway;
	errand->outbox = sb_gateway_outbox(gateway);
	errand->ticket = ticket;
	errand->userdata = userdata;

	return errand;
}

static int search(struct errand *errand, const struct sb_search *what, sb_store_records_fn *done)
{
	return sb_store_search(sb_gateway_store(errand->gateway), what, done, errand);
}

static int search_one(struct errand *errand, sb_store_records_fn *done)
{
	return search(errand,
		      &(struct sb_search){
			      .kind = SB_SEARCH_LETTER,
			      .ticket = errand->ticket,
			      .most = 1,
		      },
		      done);
}

static void errand_on_found(void *userdata, int error, const struct sb_record *records, size_t n)
{
	SB_CLEANUP(errand_free) struct errand *errand = userdata;

	if (!sb_outbox_closing(errand->outbox))
		errand->found(errand->userdata, error, records, n);
}

/**
 * sb_letters_list() - dead letters, without their payloads
 * @gateway: the gateway
 * @link: of this link only, whether or not it is configured; NULL for all
 * @after_ticket: those above it
 * @done: called with SB_LETTERS_MAX at most, the oldest first; never before this returns, and not after
 *	sb_outbox_free()
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_letters_list(struct sb_gateway *gateway, const char *link, uint64_t after_ticket,
		    sb_store_records_fn *done, void *userdata)
{
	SB_CLEANUP(errand_free) struct errand *errand = errand_new(gateway, 0, userdata);
	int r;

	if (!errand)
		return -ENOMEM;
	errand->found = done;
	r = search(errand,
		   &(struct sb_search){
			   .kind = SB_SEARCH_LETTERS,
			   .ticket = after_ticket,
			   .link = link,
			   .most = SB_LETTERS_MAX,
		   },
		   errand_on_found);
	if (r < 0)
		return r;
	(void)SB_STEAL(errand);

	return 0;
}

/**
 * sb_letters_read() - one dead letter, with its payload
 * @gateway: the gateway
 * @ticket: of the message
 * @done: called with one record, or with none when the ticket is not that of a dead letter; never before
 *	this returns, and not after sb_outbox_free()
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_letters_read(struct sb_gateway *gateway, uint64_t ticket, sb_store_records_fn *done,
		    void *userdata)
{
	SB_CLEANUP(errand_free) struct errand *errand = errand_new(gateway, ticket, userdata);
	int r;

	if (!errand)
		return -ENOMEM;
	errand->found = done;
	r = search_one(errand, errand_on_found);
	if (r < 0)
		return r;
	(void)SB_STEAL(errand);

	return 0;
}

/* Why there is no such letter; @error is 0 or -ENOENT when the store knows none. */
static int explain(uint64_t ticket, int error, struct sb_error *ret)
{
	if (error == 0 || error == -ENOENT)
		return sb_error_set(ret, SB_ERROR_NO_SUCH_TICKET,
				    "ticket %" PRIu64
				    " is not that of a dead letter: ListDeadLetters names them",
				    ticket);

	return sb_error_set(ret, SB_ERROR_FAILED,
			    "the dead letter %" PRIu64 " is as it was: the store says: %s; try "
			    "again when that is mended",
			    ticket, strerror(-error));
}

static struct sb_message *message_of(const struct sb_record *letter, const struct errand *errand)
{
	struct sb_message *message =
		sb_message_new(letter->topic, letter->payload, letter->payload_len, errand->sender);

	if (!message)
		return NULL;
	message->content_format = letter->content_format;
	message->priority = letter->priority;
	message->taken = letter->taken;
	message->owner = errand->owner;
	message->requeues = letter->ticket;

	return message;
}

static int send_again(const struct errand *errand, const struct sb_record *letter,
		      struct sb_error *ret_error)
{
	SB_CLEANUP(sb_message_free) struct sb_message *message = NULL;
	struct sb_link *link = sb_gateway_find(errand->gateway, letter->link);
	int r;

	if (!link)
		return sb_error_set(ret_error, SB_ERROR_NO_SUCH_LINK,
				    "the dead letter %" PRIu64
				    " is of the link %s, which is not configured: configure it, or "
				    "discard the letter",
				    errand->ticket, letter->link);
	message = message_of(letter, errand);
	if (!message)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "out of memory: try again in a while");
	r = sb_link_publish(link, message, errand->published, errand->userdata, ret_error);
	if (r < 0)
		return r;
	(void)SB_STEAL(message);

	return 0;
}

static void requeue_on_found(void *userdata, int error, const struct sb_record *records, size_t n)
{
	SB_CLEANUP(errand_free) struct errand *errand = userdata;
	struct sb_error why;
	int r;

	if (sb_outbox_closing(errand->outbox))
		return;
	if (error < 0 || n == 0)
		r = explain(errand->ticket, error, &why);
	else
		r = send_again(errand, &records[0], &why);
	if (r < 0)
		errand->published(errand->userdata, 0, &why);
}

/**
 * sb_letters_requeue() - send a dead letter again
 * @gateway: the gateway
 * @ticket: of the letter
 * @sender: who is told of the end of the new message, as in a message, copied; NULL for nobody
 * @owner: the user that wants this
 * @done: called with the new ticket; or with SB_ERROR_NO_SUCH_TICKET (no dead letter),
 *	SB_ERROR_NO_SUCH_LINK (not configured), or what publishing says, and the letter is as it was; never
 *	before this returns, and not after sb_outbox_free()
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_letters_requeue(struct sb_gateway *gateway, uint64_t ticket, const char *sender,
		       uint32_t owner, sb_published_fn *done, void *userdata)
{
	SB_CLEANUP(errand_free) struct errand *errand = errand_new(gateway, ticket, userdata);
	int r;

	if (!errand)
		return -ENOMEM;
	errand->sender = sender ? strdup(sender) : NULL;
	if (sender && !errand->sender)
		return -ENOMEM;
	errand->owner = owner;
	errand->published = done;
	r = search_one(errand, requeue_on_found);
	if (r < 0)
		return r;
	(void)SB_STEAL(errand);

	return 0;
}

static void errand_on_discarded(void *userdata, int error)
{
	SB_CLEANUP(errand_free) struct errand *errand = userdata;
	struct sb_error why;

	if (sb_outbox_closing(errand->outbox))
		return;
	if (error < 0)
		(void)explain(errand->ticket, error, &why);
	errand->discarded(errand->userdata, error < 0 ? &why : NULL);
}

/**
 * sb_letters_discard() - throw a dead letter away; what became of its ticket is known still
 * @gateway: the gateway
 * @ticket: of the letter
 * @done: called without an error when it is gone; or with SB_ERROR_NO_SUCH_TICKET, or SB_ERROR_FAILED and
 *	it is as it was; never before this returns, and not after sb_outbox_free()
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_letters_discard(struct sb_gateway *gateway, uint64_t ticket, sb_letter_done_fn *done,
		       void *userdata)
{
	SB_CLEANUP(errand_free) struct errand *errand = errand_new(gateway, ticket, userdata);
	int r;

	if (!errand)
		return -ENOMEM;
	errand->discarded = done;
	r = sb_store_discard(sb_gateway_store(gateway), ticket, errand_on_discarded, errand);
	if (r < 0)
		return r;
	(void)SB_STEAL(errand);

	return 0;
}
