/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a link knows of its present attempt and of the one before, for programs: see daemon/attempt.h.
 */
#include <stdio.h>

#include "daemon/clock.h"
#include "daemon/link-private.h"

static void look_at_channel(struct sb_link *link)
{
	struct sb_channel_ends ends;

	if (!link->channel)
		return;
	sb_channel_ends(link->channel, &ends);
	sb_attempts_note_ends(&link->attempts, &ends);
}

/**
 * sb_link_attempt_begin() - another login begins
 * @link: a login is under way; with a session if it had one
 */
void sb_link_attempt_begin(struct sb_link *link)
{
	const char *interface = sb_link_interface(link);

	sb_attempts_begin(&link->attempts, sb_wall_clock_ms());
	(void)snprintf(link->attempts.now.interface, sizeof(link->attempts.now.interface), "%s",
		       interface ? interface : "");
	look_at_channel(link);
}

/**
 * sb_link_attempt_enter() - the link enters a state
 * @link: not in it yet
 * @state: the state; what is no part of an attempt is ignored
 */
void sb_link_attempt_enter(struct sb_link *link, enum sb_link_state state)
{
	switch (state) {
	case SB_LINK_STARTING:
	case SB_LINK_RESOLVING:
	case SB_LINK_CONNECTING:
	case SB_LINK_AUTHENTICATING:
		/* It is starting as well while it waits for its turn. */
		if (link->login.under_way)
			sb_attempts_reach(&link->attempts, state);
		break;
	case SB_LINK_ONLINE:
		look_at_channel(link);
		sb_attempts_reach(&link->attempts, state);
		sb_idle_on_online(&link->attempts.idle);
		break;
	case SB_LINK_DISABLED:
	case SB_LINK_BACKOFF:
	case SB_LINK_FAILED:
		break;
	}
}

static enum sb_trouble trouble_of_channel(const struct sb_attempt *attempt, int error)
{
	return attempt->peer.ss_family == AF_UNSPEC ? SB_TROUBLE_NAME
						    : sb_trouble_of_session(error);
}

/**
 * sb_link_attempt_on_channel() - the channel changed
 * @link: whose
 * @state: of the channel
 * @error: 0 unless it broke
 */
void sb_link_attempt_on_channel(struct sb_link *link, enum sb_channel_state state, int error)
{
	look_at_channel(link);
	if (state == SB_CHANNEL_CONNECTING)
		sb_idle_begin(&link->attempts.idle);
	if (state == SB_CHANNEL_BROKEN)
		sb_attempts_note_trouble(&link->attempts,
					 trouble_of_channel(&link->attempts.now, error));
}

/**
 * sb_link_attempt_on_outcome() - a request of the plugin's own has ended
 * @link: whose
 * @outcome: the reply's
 */
void sb_link_attempt_on_outcome(struct sb_link *link, uint32_t outcome)
{
	if (link->login.under_way)
		sb_attempts_note_trouble(&link->attempts, sb_trouble_of_outcome(outcome));
}

/**
 * sb_link_attempt_on_sent() - something was sent to the cloud
 * @link: whose
 */
void sb_link_attempt_on_sent(struct sb_link *link)
{
	sb_idle_on_sent(&link->attempts.idle, sb_loop_now(link->parts.loop));
}

/**
 * sb_link_attempt_end() - the link goes down, or gives its session up
 * @link: with its channel, if there was one
 * @reason: a sentence
 * @code: what the cloud answered, if that is why; else 0
 */
void sb_link_attempt_end(struct sb_link *link, const char *reason, uint32_t code)
{
	struct sb_attempt *now = &link->attempts.now;

	if (now->began_ms == 0 || now->ended_ms != 0)
		return;
	look_at_channel(link);
	sb_idle_on_end(&link->attempts.idle,
		       now->stage == SB_LINK_ONLINE && now->trouble == SB_TROUBLE_SILENCE);
	sb_attempts_end(&link->attempts, sb_wall_clock_ms(), reason, code);
}

/**
 * sb_link_attempt() - the attempt of a link that tells most
 * @link: the link
 * @ret: filled: the present one if it has ended or the link is online; while it is under way the one before, if
 *	there was one; began_ms is 0 if there was none at all
 * @ret_idle: filled
 */
void sb_link_attempt(struct sb_link *link, struct sb_attempt *ret, struct sb_idle *ret_idle)
{
	const struct sb_attempts *attempts = &link->attempts;
	bool told = attempts->now.ended_ms != 0 || attempts->now.stage == SB_LINK_ONLINE ||
		    attempts->ended.began_ms == 0;

	if (told)
		look_at_channel(link);
	*ret = told ? attempts->now : attempts->ended;
	*ret_idle = attempts->idle;
}
