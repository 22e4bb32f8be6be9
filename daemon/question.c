/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions about one ticket: what became of it, and whether it can be called back. What is known without
 * the disk is answered without it, soon; for the rest the disk is searched.
 *
 * Why a message that was called back is never sent. Whatever it is that a search finds waiting is decided
 * when the search completes, on the loop, where everything else happens: see daemon/queue-end.c. A
 * message that is in flight then, or has ended, is too late to call back. Otherwise it is in no lane's
 * memory from that moment, and among the ends on their way to disk until its row is settled; a fetch that
 * still finds the row, because it was handed over before, or because the disk has refused the end, drops it.
 * The caller is told when its end is on disk or was refused.
 *
 * A message that is being stored is not overlooked: the search is handed over after it, and completes after
 * it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/queue.h"

/** struct sb_question - one question; @lookup is set, or @recall */
struct sb_question {
	struct sb_outbox *outbox;
	TAILQ_ENTRY(sb_question) entry;
	uint64_t ticket;
	sb_lookup_fn *lookup;
	void *userdata;
	struct sb_recall recall;
	bool own_only; /* only what is @owner's may be called back */
	uint32_t owner;
	bool refused;
};

static struct sb_question *question_free(struct sb_question *question)
{
	free(question);

	return NULL;
}

SB_DEFINE_CLEANUP(struct sb_question *, question_free)

static void answer_soon(struct sb_question *question)
{
	TAILQ_INSERT_TAIL(&question->outbox->questions, question, entry);
	sb_task_schedule(&question->outbox->news);
}

static int search(struct sb_question *question, sb_store_records_fn *done)
{
	const struct sb_search search = {
		.kind = SB_SEARCH_TICKET,
		.ticket = question->ticket,
		.most = 1,
	};

	return sb_store_search(question->outbox->store, &search, done, question);
}

static bool is_in_flight(const struct sb_message *message)
{
	return sb_queue_find_in_flight(message->queue, message->ticket) != NULL;
}

/* ---- What became of it ---- */

/* Return: whether that is known without the disk. */
static bool know(const struct sb_outbox *outbox, uint64_t ticket, struct sb_settlement *ret)
{
	const struct sb_settlement *end = sb_endings_told(&outbox->endings, ticket);
	const struct sb_message *message = sb_outbox_find(outbox, ticket);

	*ret = (struct sb_settlement){ .ticket = ticket, .code = "", .reason = "" };
	if (end)
		*ret = *end;
	else if (message)
		ret->outcome = is_in_flight(message) ? SB_IN_FLIGHT : SB_STORED;
	else
		return false;

	return true;
}

static void lookup_on_found(void *userdata, int error, const struct sb_record *records, size_t n)
{
	SB_CLEANUP(question_free) struct sb_question *question = userdata;
	struct sb_settlement known;

	if (question->outbox->closing)
		return;
	if (!know(question->outbox, question->ticket, &known)) {
		if (error == 0 && n == 0)
			error = -ENOENT;
		if (error < 0) {
			question->lookup(question->userdata, error, NULL);
			return;
		}
		known.outcome = records[0].outcome;
		known.code = records[0].code;
		known.reason = records[0].reason;
	}
	question->lookup(question->userdata, 0, &known);
}

/* It was known; if it is not any more, the end has just reached the disk. */
static void answer_lookup(struct sb_question *question)
{
	struct sb_settlement known;
	int r;

	if (know(question->outbox, question->ticket, &known)) {
		question->lookup(question->userdata, 0, &known);
		(void)question_free(question);
		return;
	}
	r = search(question, lookup_on_found);
	if (r < 0) {
		question->lookup(question->userdata, r, NULL);
		(void)question_free(question);
	}
}

/**
 * sb_outbox_lookup() - what became of a message
 * @outbox: the outbox
 * @ticket: of the message
 * @done: called with what is known: SB_STORED (it waits), SB_IN_FLIGHT, or how it ended; or with -ENOENT
 *	when the ticket is unknown or was forgotten; never before this returns, and not after
 *	sb_outbox_free(). The cause and the time of an end are not known once it is on disk.
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_outbox_lookup(struct sb_outbox *outbox, uint64_t ticket, sb_lookup_fn *done, void *userdata)
{
	SB_CLEANUP(question_free) struct sb_question *question = calloc(1, sizeof(*question));
	struct sb_settlement known;
	int r;

	if (!question)
		return -ENOMEM;
	question->outbox = outbox;
	question->ticket = ticket;
	question->lookup = done;
	question->userdata = userdata;
	if (know(outbox, ticket, &known)) {
		answer_soon(SB_STEAL(question));
		return 0;
	}
	r = search(question, lookup_on_found);
	if (r < 0)
		return r;
	(void)SB_STEAL(question);

	return 0;
}

/* ---- Calling it back ---- */

static const struct sb_end called_back = {
	.cause = SB_CAUSE_CALLER,
	.reason = "called back before it was sent",
};

/* Return: whether it is too late, as far as is known without the disk. */
static bool too_late(const struct sb_outbox *outbox, uint64_t ticket, struct sb_error *ret_error)
{
	const struct sb_settlement *end = sb_endings_find(&outbox->endings, ticket);
	const struct sb_message *message = sb_outbox_find(outbox, ticket);

	if (end)
		(void)sb_error_set(ret_error, SB_ERROR_TOO_LATE, "ticket %" PRIu64 " has ended: %s",
				   ticket, sb_outcome_word(end->outcome));
	else if (message && is_in_flight(message))
		(void)sb_error_set(ret_error, SB_ERROR_TOO_LATE,
				   "ticket %" PRIu64 " is on its way to the cloud", ticket);
	else
		return false;

	return true;
}

static bool is_anothers(const struct sb_question *question, uint32_t owner)
{
	return question->own_only && question->owner != owner;
}

static void refuse_stranger(const struct sb_question *question, struct sb_error *ret_error)
{
	(void)sb_error_set(ret_error, SB_ERROR_NOT_PERMITTED,
			   "ticket %" PRIu64
			   " is another user's: who published it may call it back, and who has a "
			   "rule with \"administer: yes\" in the section access",
			   question->ticket);
}

/* Call back what a search has found. Return: 0 and the end tells the caller, or why not. */
static int recall_record(struct sb_outbox *outbox, const struct sb_record *record,
			 const struct sb_recall *recall, struct sb_error *ret_error)
{
	struct sb_queue *queue;

	if (record->outcome != SB_STORED)
		return sb_error_set(ret_error, SB_ERROR_TOO_LATE,
				    "ticket %" PRIu64 " has ended: %s", record->ticket,
				    sb_outcome_word(record->outcome));
	if (sb_queue_find(outbox, record->link, &queue) < 0 ||
	    sb_queue_end_record(queue, record, &called_back, recall) < 0)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "out of memory: ticket %" PRIu64
				    " waits still; call it back again in a while",
				    record->ticket);

	return 0;
}

static void recall_on_found(void *userdata, int error, const struct sb_record *records, size_t n)
{
	SB_CLEANUP(question_free) struct sb_question *question = userdata;
	uint64_t ticket = question->ticket;
	struct sb_error why;

	if (question->outbox->closing)
		return;
	if (!too_late(question->outbox, ticket, &why)) {
		if (error < 0)
			(void)sb_error_set(&why, SB_ERROR_FAILED,
					   "the store does not say what became of ticket %" PRIu64
					   ": %s; call it back again in a while",
					   ticket, strerror(-error));
		else if (n == 0)
			(void)sb_error_set(&why, SB_ERROR_NO_SUCH_TICKET,
					   "there is no ticket %" PRIu64 ", or it was forgotten",
					   ticket);
		else if (is_anothers(question, records[0].owner))
			refuse_stranger(question, &why);
		else if (recall_record(question->outbox, records, &question->recall, &why) == 0)
			return;
	}
	question->recall.done(question->recall.userdata, &why);
}

/* It was refused, or too late, when it was asked; how it ended may be known only now. */
static void answer_recall(struct sb_question *question)
{
	struct sb_error why;

	if (question->refused)
		refuse_stranger(question, &why);
	else if (!too_late(question->outbox, question->ticket, &why))
		(void)sb_error_set(&why, SB_ERROR_TOO_LATE,
				   "ticket %" PRIu64 " was on its way to the cloud",
				   question->ticket);
	question->recall.done(question->recall.userdata, &why);
	(void)question_free(question);
}

/**
 * sb_outbox_cancel() - call a message back
 * @outbox: the outbox
 * @ticket: of the message
 * @owner: only if it is this user's, who is not nobody; NULL for whosever it is
 * @done: called without an error when the message has ended and will not be sent, which is on disk if the
 *	disk takes it; or with SB_ERROR_TOO_LATE (in flight, or ended), SB_ERROR_NO_SUCH_TICKET,
 *	SB_ERROR_NOT_PERMITTED or SB_ERROR_FAILED; never before this returns, and not after sb_outbox_free()
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_outbox_cancel(struct sb_outbox *outbox, uint64_t ticket, const uint32_t *owner,
		     sb_cancelled_fn *done, void *userdata)
{
	SB_CLEANUP(question_free) struct sb_question *question = calloc(1, sizeof(*question));
	struct sb_message *message;
	struct sb_error why;
	int r;

	if (!question)
		return -ENOMEM;
	question->outbox = outbox;
	question->ticket = ticket;
	question->recall = (struct sb_recall){ .done = done, .userdata = userdata };
	question->own_only = owner != NULL;
	question->owner = owner ? *owner : SB_NO_OWNER;
	message = sb_outbox_find(outbox, ticket);
	question->refused = message && is_anothers(question, message->owner);
	if (question->refused || too_late(outbox, ticket, &why)) {
		answer_soon(SB_STEAL(question));
		return 0;
	}
	if (message)
		return sb_queue_end(message->queue, message, &called_back, &question->recall);

	r = search(question, recall_on_found);
	if (r < 0)
		return r;
	(void)SB_STEAL(question);

	return 0;
}

/**
 * sb_questions_answer() - answer what needs no disk
 * @outbox: the outbox; what is asked meanwhile waits for the next time
 */
void sb_questions_answer(struct sb_outbox *outbox)
{
	struct sb_question_list list = TAILQ_HEAD_INITIALIZER(list);
	struct sb_question *question;

	TAILQ_CONCAT(&list, &outbox->questions, entry);
	while ((question = TAILQ_FIRST(&list))) {
		TAILQ_REMOVE(&list, question, entry);
		if (question->lookup)
			answer_lookup(question);
		else
			answer_recall(question);
	}
}

/**
 * sb_questions_clear() - answer nobody any more
 * @outbox: closing
 */
void sb_questions_clear(struct sb_outbox *outbox)
{
	struct sb_question *question;

	while ((question = TAILQ_FIRST(&outbox->questions))) {
		TAILQ_REMOVE(&outbox->questions, question, entry);
		(void)question_free(question);
	}
}
