/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another configuration while links run: first all is made that is new in it, which may fail and then nothing
 * has changed; then it is put in place, which cannot fail.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/changes.h"
#include "daemon/cleanup.h"
#include "daemon/gateway-private.h"
#include "daemon/log.h"

/**
 * struct sb_gateway_plan - the links as another configuration has them
 * @links: some are the gateway's already
 */
struct sb_gateway_plan {
	const struct sb_gateway *gateway;
	struct sb_link **links;
	size_t n_links;
};

SB_DEFINE_CLEANUP(struct sb_gateway_plan *, sb_gateway_plan_free)

static struct sb_link **find_place(struct sb_link **links, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(sb_link_name(links[i]), name) == 0)
			return &links[i];

	return NULL;
}

/* As the configuration has it: the link that there is, or one that is to take its place, or a new one. */
static int plan_link(struct sb_gateway *gateway, struct sb_link_config **config,
		     struct sb_problems *problems, struct sb_link **ret)
{
	struct sb_link *present = sb_gateway_find(gateway, (*config)->name);
	const struct sb_link_config *made;
	int r;

	if (present && sb_link_config_equal(sb_link_configuration(present), *config)) {
		*ret = present;
		return 0;
	}
	if (present)
		r = sb_link_new_successor(present, *config, ret);
	else
		r = sb_link_new(&gateway->parts, *config, sb_gateway_on_link, gateway, ret);
	if (r < 0)
		return r;
	*config = NULL;
	made = sb_link_configuration(*ret);
	if (made->wrong && !made->quarantined)
		sb_problems_error(problems, NULL, "link %s: %s", made->name, made->wrong);

	return 0;
}

/**
 * sb_gateway_plan() - make ready for another configuration; nothing changes yet
 * @gateway: the gateway
 * @config: its links are the plan's from now on, as far as they are not the same as those that there are
 * @problems: gets what is wrong with them, in their plugins' eyes as well; the plan is then of no use
 * @ret: the plan, the caller's
 *
 * Return: 0, or -ENOMEM.
 */
int sb_gateway_plan(struct sb_gateway *gateway, struct sb_config *config,
		    struct sb_problems *problems, struct sb_gateway_plan **ret)
{
	SB_CLEANUP(sb_gateway_plan_free) struct sb_gateway_plan *plan = calloc(1, sizeof(*plan));
	int r;

	if (!plan)
		return -ENOMEM;
	plan->gateway = gateway;
	plan->links = calloc(config->n_links > 0 ? config->n_links : 1, sizeof(*plan->links));
	if (!plan->links)
		return -ENOMEM;
	for (; plan->n_links < config->n_links; plan->n_links++) {
		r = plan_link(gateway, &config->links[plan->n_links], problems,
			      &plan->links[plan->n_links]);
		if (r < 0)
			return r;
	}
	*ret = SB_STEAL(plan);

	return 0;
}

/* Of one link as it would be. */
static int change_of(const struct sb_gateway_plan *plan, const struct sb_link *link,
		     struct sb_changes *changes)
{
	const struct sb_link *present = sb_gateway_find(plan->gateway, sb_link_name(link));

	if (!present)
		return sb_changes_link_added(changes, sb_link_configuration(link));
	if (present == link)
		return 0;

	return sb_changes_link_changed(changes, sb_link_configuration(present),
				       sb_link_configuration(link));
}

static int removal_of(const struct sb_gateway_plan *plan, struct sb_link *present,
		      struct sb_changes *changes)
{
	struct sb_link_status status;

	if (find_place(plan->links, plan->n_links, sb_link_name(present)))
		return 0;
	sb_link_status(present, &status);

	return sb_changes_link_removed(changes, sb_link_name(present), status.queue.queued);
}

/**
 * sb_gateway_plan_changes() - what a plan would change
 * @plan: nothing is wrong; was not carried out
 * @changes: get a sentence for each link that would not stay as it is
 *
 * Return: 0, or -ENOMEM.
 */
int sb_gateway_plan_changes(const struct sb_gateway_plan *plan, struct sb_changes *changes)
{
	const struct sb_gateway *gateway = plan->gateway;
	int r = 0;

	for (size_t i = 0; i < plan->n_links && r == 0; i++)
		r = change_of(plan, plan->links[i], changes);
	for (size_t i = 0; i < gateway->n_links && r == 0; i++)
		r = removal_of(plan, gateway->links[i], changes);

	return r;
}

/**
 * sb_gateway_plan_free() - nothing comes of a plan
 * @plan: may be NULL or half-built; was not carried out, and its gateway has the links that it was made for
 *
 * Return: NULL.
 */
struct sb_gateway_plan *sb_gateway_plan_free(struct sb_gateway_plan *plan)
{
	if (!plan)
		return NULL;

	for (size_t i = 0; i < plan->n_links; i++) {
		struct sb_link *link = plan->links[i];

		if (sb_gateway_find(plan->gateway, sb_link_name(link)) != link)
			(void)sb_link_free(link);
	}
	free(plan->links);
	free(plan);

	return NULL;
}

static void take_away(struct sb_gateway *gateway, struct sb_link *link)
{
	struct sb_link_status status;

	sb_streams_link_gone(&gateway->streams, link);
	SB_GATEWAY_TELL(gateway, link_removed, link);
	sb_log_link(sb_link_name(link), LOG_INFO, "removed from the configuration");
	sb_link_status(link, &status);
	if (status.queue.queued > 0)
		sb_gateway_warn_of_waiting(sb_link_name(link), status.queue.queued);
	(void)sb_link_free(link);
}

static void take_away_others(struct sb_gateway *gateway, const struct sb_gateway_plan *plan)
{
	size_t i = 0;

	while (i < gateway->n_links) {
		struct sb_link *link = gateway->links[i];

		if (find_place(plan->links, plan->n_links, sb_link_name(link))) {
			i++;
			continue;
		}
		gateway->links[i] = gateway->links[--gateway->n_links];
		take_away(gateway, link);
	}
}

static void replace(struct sb_gateway *gateway, struct sb_link **place, struct sb_link *link)
{
	struct sb_link *old = *place;

	sb_link_succeed(link, old);
	*place = link;
	sb_streams_link_replaced(&gateway->streams, old, link);
	SB_GATEWAY_TELL(gateway, link_replaced, old, link);
	sb_log_link(sb_link_name(link), LOG_INFO, "its configuration has changed");
	(void)sb_link_free(old);
	sb_link_start_anew(link);
}

static void add(struct sb_gateway *gateway, struct sb_link *link)
{
	sb_log_link(sb_link_name(link), LOG_INFO, "new in the configuration");
	SB_GATEWAY_TELL(gateway, link_added, link);
	sb_link_start(link);
}

static void put_in(struct sb_gateway *gateway, struct sb_link *link)
{
	struct sb_link **place = find_place(gateway->links, gateway->n_links, sb_link_name(link));

	if (!place)
		add(gateway, link);
	else if (*place != link)
		replace(gateway, place, link);
}

/**
 * sb_gateway_carry_out() - the links are as planned from now on; those that are the same go on undisturbed
 * @gateway: whose links are those that the plan was made for
 * @plan: nothing was wrong; freed
 *
 * What is under way at a link that changes or goes returns to its queue, which stays; who listens is told.
 */
void sb_gateway_carry_out(struct sb_gateway *gateway, struct sb_gateway_plan *plan)
{
	take_away_others(gateway, plan);
	for (size_t i = 0; i < plan->n_links; i++)
		put_in(gateway, plan->links[i]);

	free(gateway->links);
	gateway->links = SB_STEAL(plan->links);
	gateway->n_links = plan->n_links;
	free(plan);
}
