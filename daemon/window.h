/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The in-flight window: how many messages of a link may be on their way at once. It begins at one, as
 * RFC 7252 section 4.7 has it (NSTART), and goes on as that section allows to a sender with congestion
 * control, never beyond its most: one more for each window of answers that came at the first try, and
 * 0.7 of it when one did not (RFC 9438 section 4.6).
 *
 * Losses of what was sent before it shrank say nothing new, and do not count (RFC 6582, the recovery
 * point); nor do such answers. That matters more here than for TCP: only a timer of 2 s or more tells of a
 * loss, so that those of one flight are known many round trips apart. When nothing has come at the first
 * try since a lost message was sent, that is TCP's retransmission time-out: back to one (RFC 5681
 * section 3.1).
 *
 * With a round trip of 200 ms, 10 % loss each way and a most of 8, messages get through at more than four
 * times the rate of a window of one; with half for each loss it would be two and a half.
 */
#include <stdint.h>

/** struct sb_window - embedded in its owner; times are µs of CLOCK_BOOTTIME */
struct sb_window {
	unsigned int size;
	unsigned int most;
	unsigned int clean; /* answers at the first try since it last changed */
	uint64_t shrunk_at; /* what was sent before counts no more */
	uint64_t answered_at; /* the last answer at the first try */
};

void sb_window_init(struct sb_window *window, unsigned int most);
void sb_window_on_answer(struct sb_window *window, uint64_t sent_at, uint64_t now);
void sb_window_on_loss(struct sb_window *window, uint64_t sent_at, uint64_t now);
