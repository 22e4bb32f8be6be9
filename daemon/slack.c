/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>

#include "daemon/slack.h"

/* Links log in one after the other; and one that comes and goes all the time costs this once a second at most. */
#define SETTLE_USEC SB_USEC_PER_SEC

static void slack_on_settle(struct sb_timer *timer)
{
	(void)timer;
	(void)malloc_trim(0);
}

static void await_quiet(struct sb_slack *slack)
{
	if (!sb_timer_armed(&slack->settle))
		sb_timer_arm(&slack->settle, SETTLE_USEC);
}

static void slack_on_link_changed(void *userdata, struct sb_link *link, uint32_t what)
{
	(void)link;
	if (what & SB_LINK_CHANGED_STATE)
		await_quiet(userdata);
}

static void slack_on_link_removed(void *userdata, struct sb_link *link)
{
	(void)link;
	await_quiet(userdata);
}

/**
 * sb_slack_init() - give memory back when links have changed
 * @slack: to be set up
 * @gateway: whose links these are; outlives the slack
 */
void sb_slack_init(struct sb_slack *slack, struct sb_gateway *gateway)
{
	*slack = (struct sb_slack){
		.gateway = gateway,
		.listener = {
			.link_removed = slack_on_link_removed,
			.link_changed = slack_on_link_changed,
			.userdata = slack,
		},
	};
	sb_timer_init(&slack->settle, sb_gateway_loop(gateway), slack_on_settle);
	sb_gateway_listen(gateway, &slack->listener);
}

/**
 * sb_slack_done() - keep it from now on
 * @slack: set up, or zeroed
 */
void sb_slack_done(struct sb_slack *slack)
{
	if (!slack->gateway)
		return;

	sb_timer_disarm(&slack->settle);
	sb_gateway_unlisten(slack->gateway, &slack->listener);
	slack->gateway = NULL;
}
