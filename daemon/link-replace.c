/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link whose configuration has changed is replaced by another one of its name. The other one is made while
 * the first still runs, up to what the plugin says of its settings, so that whatever is wrong is known
 * before anything has changed; only the queue changes hands last.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "daemon/cleanup.h"
#include "daemon/link-private.h"

SB_DEFINE_CLEANUP(struct sb_link *, sb_link_free)

/**
 * sb_link_new_successor() - a link that is to take the place of another
 * @old: the other; goes on
 * @config: of the same name; the callee's from now on, when this returns 0
 * @ret: the link, the caller's; good for nothing but sb_link_configuration(), which says if its plugin
 *	refuses it, sb_link_succeed() and sb_link_free()
 *
 * Return: 0, or -ENOMEM.
 */
int sb_link_new_successor(const struct sb_link *old, struct sb_link_config *config,
			  struct sb_link **ret)
{
	SB_CLEANUP(sb_link_free) struct sb_link *link = calloc(1, sizeof(*link));
	int r;

	if (!link)
		return -ENOMEM;
	link->parts = old->parts;
	link->config = config;
	link->changed = old->changed;
	link->userdata = old->userdata;
	r = sb_link_init(link);
	if (r == 0 && !config->wrong)
		r = sb_link_attach(link);
	if (r < 0) {
		link->config = NULL; /* stays the caller's */
		return r;
	}
	*ret = SB_STEAL(link);

	return 0;
}

/**
 * sb_link_succeed() - take the place of another link
 * @link: what sb_link_new_successor() made; at rest until sb_link_start_anew()
 * @old: what was under way there goes back to the queue, which is @link's from now on; who waits for the
 *	answer to a request is told that it is not online; only to be freed
 */
void sb_link_succeed(struct sb_link *link, struct sb_link *old)
{
	int r;

	sb_link_rest(old);
	r = sb_link_take_queue(link);
	assert(r == 0);
	(void)r;
}

/**
 * sb_link_start_anew() - start a link whose configuration somebody has just changed
 * @link: at rest; does not wait for the back-off of its predecessor, for that may be mended
 */
void sb_link_start_anew(struct sb_link *link)
{
	if (link->plugin && sb_settings_integer(link->config->common, "enabled"))
		sb_link_backoff_waive(link);
	sb_link_start(link);
}
