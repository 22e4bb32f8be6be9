/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The in-flight window: how many messages of a link may be on their way at once. It begins at one, as
 * RFC 7252 section 4.7 has it (NSTART), and goes on as section 4.7 allows to a sender with congestion
 * control: one more for each window of answers that needed no retransmission, half for one that did.
 */
#include <stdbool.h>

/** struct sb_window - embedded in its owner */
struct sb_window {
	unsigned int size;
	unsigned int most;
	unsigned int clean; /* answers since it last changed */
};

void sb_window_init(struct sb_window *window, unsigned int most);
void sb_window_on_answer(struct sb_window *window);
void sb_window_on_loss(struct sb_window *window);
