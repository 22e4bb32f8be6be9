/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin remembers over restarts, and what of that is not yet on disk. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/link-private.h"
#include "daemon/log.h"
#include "daemon/plugin-call.h"

struct sb_lent_write {
	TAILQ_ENTRY(sb_lent_write) entry;
	struct sb_link *link; /* NULL once the link is gone */
	skybus_stored_fn *done;
	void *tag;
};

static void write_on_done(void *userdata, int error)
{
	SB_CLEANUP(sb_free) struct sb_lent_write *write = userdata;

	if (!write->link)
		return;
	TAILQ_REMOVE(&write->link->lent.writes, write, entry);
	write->link->lent.n_writes--;
	/* That the disk fails is said by the store, and what that means by the plugin. */
	if (error < 0)
		sb_log_link(sb_link_name(write->link), LOG_DEBUG,
			    "what the cloud told us could not be stored: %s", strerror(-error));
	if (write->done)
		sb_plugin_on_stored(write->link, write->done, write->tag, error);
}

static struct sb_lent_write *write_new(struct sb_link *link, skybus_stored_fn *done, void *tag)
{
	struct sb_lent_write *write = calloc(1, sizeof(*write));

	if (!write)
		return NULL;
	write->link = link;
	write->done = done;
	write->tag = tag;

	return write;
}

static int write_handed_over(struct sb_link *link, struct sb_lent_write *write, int error)
{
	if (error < 0) {
		free(write);
		return error;
	}
	TAILQ_INSERT_TAIL(&link->lent.writes, write, entry);
	link->lent.n_writes++;

	return error;
}

/**
 * sb_lent_put() - remember something for a plugin
 * @link: its link
 * @key: under which name
 * @data: @len bytes, copied
 * @len: bytes
 * @done: called when it is on disk; may be NULL
 * @tag: for @done
 *
 * Return: 0, or what sb_store_put() says.
 */
int sb_lent_put(struct sb_link *link, const char *key, const void *data, uint32_t len,
		skybus_stored_fn *done, void *tag)
{
	struct sb_lent_write *write = write_new(link, done, tag);

	if (!write)
		return -ENOMEM;

	return write_handed_over(link, write,
				 sb_store_put(link->parts.store, sb_link_name(link), key, data, len,
					      write_on_done, write));
}

/**
 * sb_lent_remove() - forget something for a plugin
 * @link: its link
 * @key: under which name
 * @done: called when that is on disk; may be NULL
 * @tag: for @done
 *
 * Return: 0, or what sb_store_remove() says.
 */
int sb_lent_remove(struct sb_link *link, const char *key, skybus_stored_fn *done, void *tag)
{
	struct sb_lent_write *write = write_new(link, done, tag);

	if (!write)
		return -ENOMEM;

	return write_handed_over(link, write,
				 sb_store_remove(link->parts.store, sb_link_name(link), key,
						 write_on_done, write));
}

/**
 * sb_lent_forget_writes() - what is under way to disk gets there, and nobody is told
 * @link: its link
 */
void sb_lent_forget_writes(struct sb_link *link)
{
	struct sb_lent_write *write;

	while ((write = TAILQ_FIRST(&link->lent.writes))) {
		TAILQ_REMOVE(&link->lent.writes, write, entry);
		write->link = NULL;
	}
	link->lent.n_writes = 0;
}
