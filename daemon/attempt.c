/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "daemon/attempt.h"
#include "daemon/channel.h"
#include "skybus/plugin.h"

static const char *const words[] = {
#define TROUBLE_WORD(constant, word, meaning) [constant] = (word),
	SB_TROUBLES(TROUBLE_WORD)
#undef TROUBLE_WORD
};

/**
 * sb_trouble_word() - a trouble as the bus has it
 * @trouble: SB_TROUBLE_NONE …
 *
 * Return: static.
 */
const char *sb_trouble_word(enum sb_trouble trouble)
{
	return words[trouble];
}

/**
 * sb_trouble_of_outcome() - what it means that a request got no answer
 * @outcome: the reply's
 *
 * Return: the trouble; SB_TROUBLE_NONE if it was answered.
 */
enum sb_trouble sb_trouble_of_outcome(uint32_t outcome)
{
	switch (outcome) {
	case SKYBUS_ANSWERED:
		return SB_TROUBLE_NONE;
	case SKYBUS_TIMEOUT:
		return SB_TROUBLE_SILENCE;
	case SKYBUS_UNREACHABLE:
		return SB_TROUBLE_PORT;
	case SKYBUS_RESET:
		return SB_TROUBLE_RESET;
	default:
		return SB_TROUBLE_OTHER;
	}
}

/**
 * sb_trouble_of_session() - what it means that a session could not be opened, or broke
 * @error: as in sb_session_fn, negative
 *
 * Return: the trouble.
 */
enum sb_trouble sb_trouble_of_session(int error)
{
	switch (-error) {
	case ETIMEDOUT:
		return SB_TROUBLE_SILENCE;
	case ECONNREFUSED:
		return SB_TROUBLE_PORT;
	case EKEYREJECTED:
		return SB_TROUBLE_HANDSHAKE;
	case EBADMSG:
		return SB_TROUBLE_CERTIFICATE;
	case EPERM:
		return SB_TROUBLE_RIGHTS;
	case ENODEV:
		return SB_TROUBLE_INTERFACE;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
		return SB_TROUBLE_ROUTE;
	case EMFILE:
		return SB_TROUBLE_DESCRIPTORS;
	case ECONNRESET:
		return SB_TROUBLE_RESET;
	default:
		return SB_TROUBLE_OTHER;
	}
}

/* ---- attempts ---- */

static bool is_over(const struct sb_attempt *attempt)
{
	return attempt->ended_ms != 0;
}

/**
 * sb_attempts_begin() - another login begins
 * @attempts: of the link
 * @now_ms: wall clock, milliseconds since 1970
 */
void sb_attempts_begin(struct sb_attempts *attempts, int64_t now_ms)
{
	if (is_over(&attempts->now))
		attempts->ended = attempts->now;
	attempts->now = (struct sb_attempt){ .began_ms = now_ms };
}

/**
 * sb_attempts_reach() - the link has come into a state
 * @attempts: of the link
 * @stage: one of those of the way in, or online; nothing that went wrong before counts any more
 */
void sb_attempts_reach(struct sb_attempts *attempts, uint32_t stage)
{
	attempts->now.stage = stage;
	attempts->now.trouble = SB_TROUBLE_NONE;
}

static void put(char *ret, size_t size, const char *text)
{
	(void)snprintf(ret, size, "%s", text ? text : "");
}

/**
 * sb_attempts_note_ends() - the channel has got on, or broke
 * @attempts: of the link
 * @ends: of the channel, by now
 */
void sb_attempts_note_ends(struct sb_attempts *attempts, const struct sb_channel_ends *ends)
{
	struct sb_attempt *now = &attempts->now;

	put(now->host, sizeof(now->host), ends->host);
	now->port = ends->port;
	now->security = ends->security;
	now->peer = ends->peer;
	now->local = ends->local;
	now->answered = ends->facts.answered;
	put(now->handshake, sizeof(now->handshake), ends->facts.handshake);
	put(now->alert, sizeof(now->alert), ends->facts.alert);
}

/**
 * sb_attempts_note_trouble() - something went wrong, which may end the attempt
 * @attempts: of the link
 * @trouble: what; SB_TROUBLE_NONE if all is well again
 */
void sb_attempts_note_trouble(struct sb_attempts *attempts, enum sb_trouble trouble)
{
	attempts->now.trouble = trouble;
}

/**
 * sb_attempts_end() - the link goes down
 * @attempts: of the link; what was noted last has ended it
 * @now_ms: wall clock, milliseconds since 1970
 * @reason: the sentence
 * @code: what the cloud answered, if that is why; else 0
 */
void sb_attempts_end(struct sb_attempts *attempts, int64_t now_ms, const char *reason,
		     uint32_t code)
{
	struct sb_attempt *now = &attempts->now;

	now->ended_ms = now_ms;
	now->code = code;
	if (code > 0)
		now->trouble = SB_TROUBLE_REFUSAL;
	else if (now->trouble == SB_TROUBLE_NONE)
		now->trouble = SB_TROUBLE_OTHER;
	put(now->reason, sizeof(now->reason), reason);
}

/* ---- how long a session may be silent ---- */

/**
 * sb_idle_begin() - a new session: nothing has been sent on it
 * @idle: of the link
 */
void sb_idle_begin(struct sb_idle *idle)
{
	idle->heard_at = 0;
	idle->gap = 0;
}

/**
 * sb_idle_on_sent() - something was sent
 * @idle: of the link
 * @now: µs
 */
void sb_idle_on_sent(struct sb_idle *idle, uint64_t now)
{
	/* What is sent while something is on its way, a ping above all, follows no silence of ours. */
	if (idle->gap == 0 && idle->heard_at > 0)
		idle->gap = now - idle->heard_at;
}

/**
 * sb_idle_on_answer() - something came
 * @idle: of the link; the session has outlived the silence before
 * @now: µs
 */
void sb_idle_on_answer(struct sb_idle *idle, uint64_t now)
{
	if (idle->gap > idle->survived)
		idle->survived = idle->gap;
	idle->gap = 0;
	idle->heard_at = now;
}

/**
 * sb_idle_on_end() - the session is given up, or none could be opened
 * @idle: of the link
 * @silent: it was in use, and nobody answers any more
 */
void sb_idle_on_end(struct sb_idle *idle, bool silent)
{
	idle->suspect = silent ? idle->gap : 0;
}

/**
 * sb_idle_on_online() - there is a session, or it goes on
 * @idle: of the link; that an attempt failed since the last session was given up has cleared the suspicion
 */
void sb_idle_on_online(struct sb_idle *idle)
{
	if (idle->suspect == 0)
		return;
	if (idle->failed == 0 || idle->suspect < idle->failed)
		idle->failed = idle->suspect;
	idle->failures++;
	idle->suspect = 0;
}
