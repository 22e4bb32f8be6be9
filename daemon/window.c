/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>

#include "daemon/loop.h"
#include "daemon/window.h"

/*
 * An answer later than this may have needed a retransmission: the first goes out after ACK_TIMEOUT times
 * something between 1 and ACK_RANDOM_FACTOR, RFC 7252 sections 4.2 and 4.8, and nobody can tell which of
 * the two was answered. A cloud that takes as long to answer is treated as if the network were slow.
 */
#define FIRST_TRY_USEC (2 * SB_USEC_PER_SEC)

/**
 * sb_window_init() - begin at one
 * @window: embedded in its owner
 * @most: how large it may grow, at least 1
 */
void sb_window_init(struct sb_window *window, unsigned int most)
{
	*window = (struct sb_window){ .size = 1, .most = most };
}

/**
 * sb_window_on_answer() - an answer came
 * @window: grows by one when a window of them came in time; one that is late is a loss
 * @sent_at: when its message was sent, µs of CLOCK_BOOTTIME
 * @now: the same clock
 */
void sb_window_on_answer(struct sb_window *window, uint64_t sent_at, uint64_t now)
{
	if (now - sent_at > FIRST_TRY_USEC) {
		sb_window_on_loss(window, sent_at, now);
		return;
	}
	window->answered_at = now;
	if (sent_at < window->shrunk_at || ++window->clean < window->size)
		return;

	window->clean = 0;
	if (window->size < window->most)
		window->size++;
}

/**
 * sb_window_on_loss() - a message was never answered
 * @window: shrinks, unless it has since the message was sent
 * @sent_at: when that was, µs of CLOCK_BOOTTIME
 * @now: the same clock
 */
void sb_window_on_loss(struct sb_window *window, uint64_t sent_at, uint64_t now)
{
	bool silent = window->answered_at <= sent_at;

	if (sent_at < window->shrunk_at && !silent)
		return;

	/* To the nearest: of two is left one, of three two. */
	window->size = silent || window->size == 1 ? 1 : (window->size * 7 + 5) / 10;
	window->clean = 0;
	window->shrunk_at = now;
}
