/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/gateway-private.h"
#include "daemon/gateway-routes.h"
#include "daemon/log.h"
#include "daemon/netwatch.h"

SB_DEFINE_CLEANUP(struct sb_gateway *, sb_gateway_free)

static void exit_when_quiet(struct sb_gateway *gateway)
{
	bool busy = false;

	for (size_t i = 0; i < gateway->n_links; i++)
		busy |= sb_link_stop(gateway->links[i]);
	if (!busy)
		sb_loop_exit(gateway->parts.loop, EXIT_SUCCESS);
}

static void gateway_on_impatience(struct sb_timer *timer)
{
	struct sb_gateway *gateway = sb_container_of(timer, struct sb_gateway, patience);

	sb_log(LOG_NOTICE,
	       "the clouds have not answered all that was sent; it is sent once more after the restart");
	sb_loop_exit(gateway->parts.loop, EXIT_SUCCESS);
}

/**
 * sb_gateway_on_link() - a link has changed
 * @userdata: the gateway
 * @link: one of its own
 * @what: SB_LINK_CHANGED_… bits
 */
void sb_gateway_on_link(void *userdata, struct sb_link *link, uint32_t what)
{
	struct sb_gateway *gateway = userdata;

	if (sb_gateway_stopping(gateway))
		exit_when_quiet(gateway);
	else if (what & SB_LINK_CHANGED_UP)
		sb_gateway_routes_on_link(gateway, link);
	SB_GATEWAY_TELL(gateway, link_changed, link, what);
}

static void gateway_on_settled(void *userdata, const struct sb_settled *settled)
{
	struct sb_gateway *gateway = userdata;

	(void)sb_streams_settled(&gateway->streams, settled);
	SB_GATEWAY_TELL(gateway, settled, settled);
}

static void gateway_on_network(void *userdata)
{
	struct sb_gateway *gateway = userdata;

	if (sb_gateway_stopping(gateway))
		return;
	sb_log(LOG_DEBUG, "the network may have changed: the links look by which way they send");
	for (size_t i = 0; i < gateway->n_links; i++)
		sb_link_on_network(gateway->links[i]);
}

/**
 * sb_gateway_new() - a gateway without links
 * @parts: what links work with; copied, and outliving the gateway
 * @plugins: outlives the gateway
 * @ret: the gateway, the caller's
 *
 * Return: 0, or -ENOMEM.
 */
int sb_gateway_new(const struct sb_link_parts *parts, struct sb_plugins *plugins,
		   struct sb_gateway **ret)
{
	SB_CLEANUP(sb_gateway_free) struct sb_gateway *gateway = calloc(1, sizeof(*gateway));

	if (!gateway)
		return -ENOMEM;
	gateway->parts = *parts;
	gateway->plugins = plugins;
	TAILQ_INIT(&gateway->listeners);
	sb_streams_init(&gateway->streams, parts->loop, parts->hub);
	sb_timer_init(&gateway->patience, parts->loop, gateway_on_impatience);
	sb_outbox_listen(parts->outbox, gateway_on_settled, gateway);
	sb_outbox_direct(parts->outbox, sb_gateway_routes_direct, gateway);
	if (parts->netwatch)
		sb_netwatch_listen(parts->netwatch, gateway_on_network, gateway);
	*ret = SB_STEAL(gateway);

	return 0;
}

/**
 * sb_gateway_free() - take all links away; what is queued stays on disk
 * @gateway: may be NULL; nobody who listens is told
 *
 * Return: NULL.
 */
struct sb_gateway *sb_gateway_free(struct sb_gateway *gateway)
{
	if (!gateway)
		return NULL;

	sb_timer_disarm(&gateway->patience);
	TAILQ_INIT(&gateway->listeners);
	if (gateway->parts.netwatch)
		sb_netwatch_listen(gateway->parts.netwatch, NULL, NULL);
	sb_outbox_listen(gateway->parts.outbox, NULL, NULL);
	sb_streams_done(&gateway->streams);
	sb_outbox_direct(gateway->parts.outbox, NULL, NULL);
	for (size_t i = 0; i < gateway->n_links; i++)
		(void)sb_link_free(gateway->links[i]);
	free(gateway->links);
	(void)sb_routes_free(gateway->routes);
	free(gateway);

	return NULL;
}

/**
 * sb_gateway_listen() - be told of what happens
 * @gateway: the gateway
 * @listener: lent until sb_gateway_unlisten() or sb_gateway_free()
 */
void sb_gateway_listen(struct sb_gateway *gateway, struct sb_gateway_listener *listener)
{
	TAILQ_INSERT_TAIL(&gateway->listeners, listener, entry);
}

/**
 * sb_gateway_unlisten() - be told no more
 * @gateway: the gateway
 * @listener: of sb_gateway_listen()
 */
void sb_gateway_unlisten(struct sb_gateway *gateway, struct sb_gateway_listener *listener)
{
	TAILQ_REMOVE(&gateway->listeners, listener, entry);
}

/**
 * sb_gateway_warn_of_waiting() - nobody sends what waits for a link
 * @link: its name; it is not in the configuration
 * @messages: so many
 */
void sb_gateway_warn_of_waiting(const char *link, uint64_t messages)
{
	char count[24];
	const struct sb_fields fields = { .link = link, .count = count };

	(void)snprintf(count, sizeof(count), "%llu", (unsigned long long)messages);
	sb_log_event(SB_EVENT_QUEUE_ORPHANED, &fields,
		     "%s messages wait for this link, which is not in the configuration: "
		     "put it back there for them to be sent",
		     count);
}

/** struct waiting - what waited for one link when the store was opened */
struct waiting {
	const struct sb_gateway *gateway;
	char *link; /* NULL for none */
	uint64_t messages;
};

static void waiting_end(struct waiting *waiting)
{
	if (waiting->link && !sb_gateway_find(waiting->gateway, waiting->link))
		sb_gateway_warn_of_waiting(waiting->link, waiting->messages);
	free(waiting->link);
	waiting->link = NULL;
	waiting->messages = 0;
}

/* A link has a row for each priority and user, one after the other. */
static void waiting_on_row(void *userdata, const struct sb_backlog *row)
{
	struct waiting *waiting = userdata;

	if (!waiting->link || strcmp(waiting->link, row->link) != 0) {
		waiting_end(waiting);
		waiting->link = strdup(row->link);
	}
	waiting->messages += row->messages;
}

/**
 * sb_gateway_set_routes() - how messages find their links from now on, those that wait included
 * @gateway: with the links
 * @routes: the gateway's from now on; NULL for none
 */
void sb_gateway_set_routes(struct sb_gateway *gateway, struct sb_routes *routes)
{
	(void)sb_routes_free(gateway->routes);
	gateway->routes = routes;
	sb_outbox_divert(gateway->parts.outbox, NULL);
}

/**
 * sb_gateway_apply() - make the links of a configuration
 * @gateway: without links
 * @config: its links are the gateway's from now on, as far as they could be made, and its routes
 *
 * Return: 0, or the negative errno of the first link that could not be made; the others run.
 */
int sb_gateway_apply(struct sb_gateway *gateway, struct sb_config *config)
{
	struct waiting waiting = { .gateway = gateway };
	int error = 0;

	gateway->links = calloc(config->n_links > 0 ? config->n_links : 1, sizeof(*gateway->links));
	if (!gateway->links)
		return -ENOMEM;

	for (size_t i = 0; i < config->n_links; i++) {
		struct sb_link *link;
		int r;

		r = sb_link_new(&gateway->parts, config->links[i], sb_gateway_on_link, gateway,
				&link);
		if (r < 0) {
			sb_log_link(config->links[i]->name, LOG_ERR,
				    "the link could not be made: %s", strerror(-r));
			error = error < 0 ? error : r;
			continue;
		}
		config->links[i] = NULL;
		gateway->links[gateway->n_links++] = link;
		SB_GATEWAY_TELL(gateway, link_added, link);
		sb_link_start(link);
	}
	sb_gateway_set_routes(gateway, SB_STEAL(config->routes));
	sb_store_each_backlog(gateway->parts.store, waiting_on_row, &waiting);
	waiting_end(&waiting);

	return error;
}

/**
 * sb_gateway_stopping() - is the loop about to end
 * @gateway: the gateway
 *
 * Return: whether sb_gateway_stop() was called.
 */
bool sb_gateway_stopping(const struct sb_gateway *gateway)
{
	return sb_timer_armed(&gateway->patience);
}

/**
 * sb_gateway_stop() - let the loop end when nothing is under way any more
 * @gateway: sends nothing from now on; what is published is stored
 * @patience_usec: how long the clouds have for their answers
 */
void sb_gateway_stop(struct sb_gateway *gateway, uint64_t patience_usec)
{
	sb_timer_arm(&gateway->patience, patience_usec);
	exit_when_quiet(gateway);
}

/**
 * sb_gateway_n_links() - how many links there are
 * @gateway: the gateway
 *
 * Return: the number.
 */
size_t sb_gateway_n_links(const struct sb_gateway *gateway)
{
	return gateway->n_links;
}

/**
 * sb_gateway_link() - one of the links
 * @gateway: the gateway
 * @index: below sb_gateway_n_links()
 *
 * Return: lent.
 */
struct sb_link *sb_gateway_link(const struct sb_gateway *gateway, size_t index)
{
	return gateway->links[index];
}

/**
 * sb_gateway_find() - the link of a name
 * @gateway: the gateway
 * @name: in the configuration
 *
 * Return: lent; NULL when there is none.
 */
struct sb_link *sb_gateway_find(const struct sb_gateway *gateway, const char *name)
{
	for (size_t i = 0; i < gateway->n_links; i++)
		if (strcmp(sb_link_name(gateway->links[i]), name) == 0)
			return gateway->links[i];

	return NULL;
}

/**
 * sb_gateway_routes() - the routes
 * @gateway: the gateway
 *
 * Return: lent until sb_gateway_set_routes(); NULL for none.
 */
const struct sb_routes *sb_gateway_routes(const struct sb_gateway *gateway)
{
	return gateway->routes;
}

/**
 * sb_gateway_plugins() - the plugins
 * @gateway: the gateway
 *
 * Return: lent.
 */
struct sb_plugins *sb_gateway_plugins(const struct sb_gateway *gateway)
{
	return gateway->plugins;
}

/**
 * sb_gateway_loop() - the loop on which it all runs
 * @gateway: the gateway
 *
 * Return: lent.
 */
struct sb_loop *sb_gateway_loop(const struct sb_gateway *gateway)
{
	return gateway->parts.loop;
}

/**
 * sb_gateway_store() - what is on disk
 * @gateway: the gateway
 *
 * Return: lent.
 */
struct sb_store *sb_gateway_store(const struct sb_gateway *gateway)
{
	return gateway->parts.store;
}

/**
 * sb_gateway_clock() - the clock of this box
 * @gateway: the gateway
 *
 * Return: lent.
 */
const struct sb_clock *sb_gateway_clock(const struct sb_gateway *gateway)
{
	return gateway->parts.clock;
}

/**
 * sb_gateway_outbox() - where tickets can be asked for
 * @gateway: the gateway
 *
 * Return: lent.
 */
struct sb_outbox *sb_gateway_outbox(const struct sb_gateway *gateway)
{
	return gateway->parts.outbox;
}

/**
 * sb_gateway_hub() - where messages from the clouds can be subscribed to
 * @gateway: the gateway
 *
 * Return: lent.
 */
struct sb_hub *sb_gateway_hub(const struct sb_gateway *gateway)
{
	return gateway->parts.hub;
}

/**
 * sb_gateway_inboxes() - where messages wait for apps that may be away
 * @gateway: the gateway
 *
 * Return: lent.
 */
struct sb_inboxes *sb_gateway_inboxes(const struct sb_gateway *gateway)
{
	return gateway->parts.inboxes;
}

/**
 * sb_gateway_streams() - the streams of apps
 * @gateway: the gateway
 *
 * Return: lent.
 */
struct sb_streams *sb_gateway_streams(struct sb_gateway *gateway)
{
	return &gateway->streams;
}
