/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>

#include "daemon/running.h"

/* What is deeper is counted, and the last one that is known stands for it. */
#define DEPTH_MAX 16

struct frame {
	const struct sb_running_who *who;
	enum sb_running_call call;
};

static struct frame frames[DEPTH_MAX];
static volatile unsigned int depth;

static const char *const words[] = {
#define WORDS(constant, words) [constant] = (words),
	SB_RUNNING_CALLS(WORDS)
#undef WORDS
};

/**
 * sb_running_enter() - a plugin's code is about to run
 * @who: whose; lent until it has returned
 * @call: which of its calls
 */
void sb_running_enter(const struct sb_running_who *who, enum sb_running_call call)
{
	unsigned int at = depth;

	if (at < DEPTH_MAX)
		frames[at] = (struct frame){ .who = who, .call = call };
	/* A signal that comes now finds the frame whole, or not at all. */
	atomic_signal_fence(memory_order_release);
	depth = at + 1;
}

/**
 * sb_running_leave() - it has returned
 */
void sb_running_leave(void)
{
	assert(depth > 0);
	depth--;
}

/**
 * sb_running_now() - whose code is running; may be called in a signal handler
 * @ret_call: which of its calls, if there is one
 *
 * Return: whose; NULL if it is the daemon's own.
 */
const struct sb_running_who *sb_running_now(enum sb_running_call *ret_call)
{
	unsigned int n = depth;

	if (n == 0)
		return NULL;
	if (n > DEPTH_MAX)
		n = DEPTH_MAX;
	*ret_call = frames[n - 1].call;

	return frames[n - 1].who->plugin[0] ? frames[n - 1].who : NULL;
}

/**
 * sb_running_words() - a call as people read it
 * @call: SB_RUNNING_LOAD …
 *
 * Return: static; what goes behind "in".
 */
const char *sb_running_words(enum sb_running_call call)
{
	return words[call];
}
