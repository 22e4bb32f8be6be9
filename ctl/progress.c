/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "ctl/number.h"
#include "ctl/progress.h"

#define WIDTH 30

/* Often enough for eyes. */
#define REDRAW_USEC (CTL_USEC_PER_SEC / 10)

/** ctl_progress_init() - look whether anybody sees it */
void ctl_progress_init(struct ctl_progress *progress)
{
	*progress = (struct ctl_progress){ .shown = isatty(STDERR_FILENO) };
}

/**
 * ctl_progress_draw() - how far it is; not more often than eyes can follow
 * @done: of @all
 * @all: 0 if that is not known, and then there is the text alone
 * @text: behind the bar
 */
void ctl_progress_draw(struct ctl_progress *progress, uint64_t done, uint64_t all, const char *text)
{
	uint64_t now = ctl_clock();

	if (!progress->shown || (progress->drawn && now - progress->last_usec < REDRAW_USEC))
		return;
	progress->drawn = true;
	progress->last_usec = now;
	(void)fputs("\r\033[K", stderr);
	if (all > 0) {
		(void)fputc('[', stderr);
		for (uint64_t i = 0; i < WIDTH; i++)
			(void)fputc(i * all < done * WIDTH ? '#' : '-', stderr);
		(void)fprintf(stderr, "] %3u %%  ", (unsigned int)(done * 100 / all));
	}
	(void)fputs(text, stderr);
}

/** ctl_progress_clear() - the line is free again, for what is printed */
void ctl_progress_clear(struct ctl_progress *progress)
{
	if (progress->drawn)
		(void)fputs("\r\033[K", stderr);
	progress->drawn = false;
}
