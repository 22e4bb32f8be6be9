/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/window.h"

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
 * sb_window_on_answer() - an answer came at the first try
 * @window: grows by one when a window of such came
 */
void sb_window_on_answer(struct sb_window *window)
{
	if (++window->clean < window->size)
		return;

	window->clean = 0;
	if (window->size < window->most)
		window->size++;
}

/**
 * sb_window_on_loss() - a message had to be sent again, or was never answered
 * @window: halves
 */
void sb_window_on_loss(struct sb_window *window)
{
	window->clean = 0;
	window->size = window->size > 1 ? window->size / 2 : 1;
}
