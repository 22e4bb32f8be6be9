/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>

#include "daemon/landing.h"

/**
 * struct sb_landing - see daemon/landing.h
 * @holders: who hold it still
 * @owned: its owner has not freed it; without owner it goes with the last holder
 * @landed: called when nobody holds it any more; NULL while nobody waits for that
 */
struct sb_landing {
	size_t holders;
	bool owned;
	struct sb_landed state;
	sb_landing_fn *landed;
	void *userdata;
};

/**
 * sb_landing_new() - a landing that nobody holds
 *
 * Return: the landing, the caller's; NULL without memory.
 */
struct sb_landing *sb_landing_new(void)
{
	struct sb_landing *landing = calloc(1, sizeof(*landing));

	if (!landing)
		return NULL;
	landing->owned = true;

	return landing;
}

static void free_if_done(struct sb_landing *landing)
{
	if (!landing->owned && landing->holders == 0)
		free(landing);
}

/**
 * sb_landing_free() - its owner does not want to know any more
 * @landing: may be NULL; who holds it still may let go later
 *
 * Return: NULL.
 */
struct sb_landing *sb_landing_free(struct sb_landing *landing)
{
	if (!landing)
		return NULL;

	landing->owned = false;
	landing->landed = NULL;
	free_if_done(landing);

	return NULL;
}

/**
 * sb_landing_hold() - somebody keeps the message, and will say when it is on disk
 * @landing: NULL when nobody wants to know
 */
void sb_landing_hold(struct sb_landing *landing)
{
	if (!landing)
		return;

	landing->holders++;
	landing->state.held++;
}

/**
 * sb_landing_let_go() - it is on disk, or will not be
 * @landing: held; may be gone afterwards; NULL when nobody wants to know
 * @error: 0, or why it will not be, negative
 */
void sb_landing_let_go(struct sb_landing *landing, int error)
{
	const struct sb_landed *state;

	if (!landing)
		return;

	assert(landing->holders > 0);
	state = &landing->state;
	landing->holders--;
	landing->state.failed += error < 0;
	if (state->error == 0)
		landing->state.error = error;
	if (landing->holders > 0 || !landing->landed) {
		free_if_done(landing);
		return;
	}
	landing->landed(landing->userdata,
			&(struct sb_landed){ state->held, state->failed, state->error });
}

/**
 * sb_landing_await() - be told when nobody holds it any more
 * @landing: of which all that will hold it do so already
 * @landed: called once, not from within this call
 * @userdata: for @landed
 *
 * Return: false when nobody holds it, and @landed is not called: see sb_landing_state().
 */
bool sb_landing_await(struct sb_landing *landing, sb_landing_fn *landed, void *userdata)
{
	if (landing->holders == 0)
		return false;
	landing->landed = landed;
	landing->userdata = userdata;

	return true;
}

/**
 * sb_landing_state() - how it stands
 * @landing: the landing
 *
 * Return: the numbers so far.
 */
struct sb_landed sb_landing_state(const struct sb_landing *landing)
{
	return landing->state;
}
