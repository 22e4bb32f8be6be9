/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/link-private.h"
#include "daemon/plugin-call.h"

/**
 * sb_link_status() - how a link is
 * @link: the link
 * @ret: filled; its text is lent until the loop runs again
 */
void sb_link_status(struct sb_link *link, struct sb_link_status *ret)
{
	const char *device = sb_plugin_device(link);

	*ret = (struct sb_link_status){
		.name = sb_link_name(link),
		.plugin = link->config->plugin ? link->config->plugin : "",
		.device = device ? device : "",
		.state = link->state,
		.state_word = sb_link_state_word(link->state),
		.state_reason = link->state_reason,
		.last_error = link->last_error,
		.since_ms = link->since_ms,
		.session_expires_ms = link->login.expires_ms,
		.traffic = link->past,
		.budget = link->budget.money.plan.bytes,
		.budget_used = sb_link_budget_used(link),
		.budget_ends_ms =
			link->budget.money.plan.bytes > 0 ? link->budget.money.ends_ms : 0,
		.wire_sent = link->wire->sent,
		.wire_received = link->wire->received,
		.wire_repeated = link->wire->repeated,
		.window = link->flight.window.size,
		.counts = link->counts,
	};
	sb_queue_stats(link->queue, &ret->queue);
	if (link->channel && sb_channel_session(link->channel)) {
		struct sb_traffic now;

		sb_session_traffic(sb_channel_session(link->channel), &now);
		ret->traffic.sent += now.sent;
		ret->traffic.received += now.received;
	}
}
