/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the plugin has asked for and not yet got. The daemon knows each by a number, and what it drops without a word,
 * as skybus/plugin.h has it, is dropped here by the same rules.
 */
#include <stdlib.h>

#include "host/host.h"

struct awaited {
	TAILQ_ENTRY(awaited) entry;
	enum sb_packet_kind kind;
	uint32_t number;
	int64_t handle; /* of a timer, or an observation */
	done_fn *done;
	void *tag;
};

/**
 * awaited_new() - something is about to be asked for
 * @link: the link
 * @kind: the call by which it comes back
 * @done: which is for the plugin; NULL if nothing does
 * @tag: for @done
 *
 * Return: for awaited_keep() or awaited_drop(); NULL without memory.
 */
struct awaited *awaited_new(struct skybus_link *link, enum sb_packet_kind kind, done_fn *done,
			    void *tag)
{
	struct awaited *awaited = calloc(1, sizeof(*awaited));

	if (!awaited)
		return NULL;
	awaited->kind = kind;
	awaited->done = done;
	awaited->tag = tag;
	if (done && ++link->last_number == 0)
		link->last_number = 1;
	awaited->number = done ? link->last_number : 0;

	return awaited;
}

/**
 * awaited_number() - by which the daemon knows it
 * @awaited: what
 *
 * Return: the number; 0 if nobody waits for it.
 */
uint32_t awaited_number(const struct awaited *awaited)
{
	return awaited->number;
}

/**
 * awaited_drop() - it was not to be had
 * @awaited: freed
 */
void awaited_drop(struct awaited *awaited)
{
	free(awaited);
}

/**
 * awaited_keep() - it will come
 * @link: the link
 * @awaited: the link's from now on
 * @handle: by which the plugin can stop it, if it can
 */
void awaited_keep(struct skybus_link *link, struct awaited *awaited, int64_t handle)
{
	if (!awaited->done) {
		awaited_drop(awaited);
		return;
	}
	awaited->handle = handle;
	TAILQ_INSERT_TAIL(&link->awaited, awaited, entry);
}

static void forget(struct skybus_link *link, struct awaited *awaited)
{
	TAILQ_REMOVE(&link->awaited, awaited, entry);
	free(awaited);
}

static struct awaited *find(struct skybus_link *link, enum sb_packet_kind kind, uint32_t number)
{
	struct awaited *awaited;

	TAILQ_FOREACH(awaited, &link->awaited, entry)
		if (awaited->kind == kind && awaited->number == number)
			return awaited;

	return NULL;
}

/**
 * awaited_look() - some of it has come, and more may
 * @link: the link
 * @kind: by which call
 * @number: of it
 * @ret_tag: the plugin's
 *
 * Return: whom to tell; NULL if nobody waits for it any more.
 */
done_fn *awaited_look(struct skybus_link *link, enum sb_packet_kind kind, uint32_t number,
		      void **ret_tag)
{
	const struct awaited *awaited = find(link, kind, number);

	*ret_tag = awaited ? awaited->tag : NULL;

	return awaited ? awaited->done : NULL;
}

/**
 * awaited_take() - it has come
 * @link: the link
 * @kind: by which call
 * @number: of it
 * @ret_tag: the plugin's
 *
 * Return: whom to tell; NULL if nobody waits for it any more.
 */
done_fn *awaited_take(struct skybus_link *link, enum sb_packet_kind kind, uint32_t number,
		      void **ret_tag)
{
	struct awaited *awaited = find(link, kind, number);
	done_fn *done = awaited_look(link, kind, number, ret_tag);

	if (awaited)
		forget(link, awaited);

	return done;
}

/**
 * awaited_forget() - none of them comes
 * @link: the link
 * @kind: by which call they would have
 */
void awaited_forget(struct skybus_link *link, enum sb_packet_kind kind)
{
	struct awaited *awaited = TAILQ_FIRST(&link->awaited);

	while (awaited) {
		struct awaited *next = TAILQ_NEXT(awaited, entry);

		if (awaited->kind == kind)
			forget(link, awaited);
		awaited = next;
	}
}

/**
 * awaited_forget_handle() - it is stopped
 * @link: the link
 * @kind: by which call it would have come
 * @handle: the timer's, or the observation's
 */
void awaited_forget_handle(struct skybus_link *link, enum sb_packet_kind kind, int64_t handle)
{
	struct awaited *awaited;

	TAILQ_FOREACH(awaited, &link->awaited, entry) {
		if (awaited->kind == kind && awaited->handle == handle) {
			forget(link, awaited);
			return;
		}
	}
}
