/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a link may cost, and what it does when that is spent: only urgent messages are sent, commands are answered,
 * and all else waits. It logs in only if something urgent waits, and keeps no session alive.
 *
 * The link's memory has a record of what is used (daemon/budget.h). A write that the disk refuses is tried again
 * with what is used next; nobody is told, for the log has it that the disk fails.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/link-private.h"
#include "daemon/log.h"

#define KEY ".budget" /* a plugin's keys begin with no dot */

/* Wall clocks are set, and no timer goes by them: how often it is looked whether a period is over. */
#define LOOK_USEC (15 * 60 * SB_USEC_PER_SEC)
#define LOOK_UNSET_USEC (60 * SB_USEC_PER_SEC)

static struct sb_link *link_of(struct sb_link_budget *budget)
{
	return sb_container_of(budget, struct sb_link, budget);
}

static int64_t wall_now(const struct sb_link *link)
{
	return sb_clock_wall_ms(link->parts.clock, sb_clock_now(link->parts.clock));
}

static uint64_t carried(const struct sb_link *link)
{
	return link->wire->sent + link->wire->received;
}

static bool has_budget(const struct sb_link *link)
{
	return link->budget.money.plan.bytes > 0;
}

static void put_record(struct sb_link *link, bool ahead)
{
	struct sb_budget_record record;

	sb_budget_record(&link->budget.money, ahead, &record);
	(void)sb_store_put(link->parts.store, sb_link_name(link), KEY, &record, sizeof(record),
			   NULL, NULL);
}

/* ---- what is said ----------------------------------------------------------------------------- */

static void sentence(const struct sb_link *link, const char *format, char *ret_text, size_t size)
{
	char plan[SB_BUDGET_TEXT_MAX];
	char end[SB_BUDGET_TEXT_MAX];

	sb_budget_plan_text(&link->budget.money.plan, plan);
	sb_budget_end_text(&link->budget.money, end);
	(void)snprintf(ret_text, size, "the budget of %s is spent: %s until %s", plan, format, end);
}

static void say_news(const struct sb_link *link, enum sb_budget_news news)
{
	const struct sb_fields fields = {
		.link = sb_link_name(link),
		.plugin = link->config->plugin,
	};
	const struct sb_budget *money = &link->budget.money;
	char plan[SB_BUDGET_TEXT_MAX];
	char end[SB_BUDGET_TEXT_MAX];

	sb_budget_plan_text(&money->plan, plan);
	sb_budget_end_text(money, end);
	if (news == SB_BUDGET_LOW)
		sb_log_event(SB_EVENT_BUDGET_LOW, &fields,
			     "%" PRIu64 " bytes of %s are used, more than four fifths; the next "
			     "period begins when %s%s",
			     money->used, plan, money->ends_ms > 0 ? "it is " : "", end);
	else
		sb_log_event(SB_EVENT_BUDGET_SPENT, &fields,
			     "the budget of %s is spent: only urgent messages are sent until %s",
			     plan, end);
}

/* Of a link that is online; of one that is not, its state has a reason of its own. */
static void show(struct sb_link *link)
{
	char text[SB_LINK_REASON_MAX] = "";

	if (link->state != SB_LINK_ONLINE)
		return;
	sb_link_budget_reason(link, text, sizeof(text));
	sb_link_explain(link, text);
}

/**
 * sb_link_budget_reason() - what to say of a link that is online
 * @link: the link
 * @ret_text: a sentence; empty while there is something left, or no budget
 * @size: its room, bytes
 */
void sb_link_budget_reason(const struct sb_link *link, char *ret_text, size_t size)
{
	*ret_text = '\0';
	if (link->budget.holds)
		sentence(link, "only urgent messages are sent, and the others wait,", ret_text,
			 size);
}

/* ---- what it does ----------------------------------------------------------------------------- */

static void change(struct sb_link *link)
{
	link->budget.holds = sb_budget_spent(&link->budget.money);
	show(link);
	if (link->budget.holds)
		sb_flight_refuse(&link->flight, SB_ERROR_BUDGET_SPENT,
				 "the link's budget is spent, and requests of apps are not urgent");
	/* Soon: whoever looks may be about to send. */
	sb_task_schedule(&link->flight.pump);
}

static void wake_up(struct sb_link *link)
{
	if (!link->budget.rests || link->state != SB_LINK_BACKOFF || link->flight.stopping ||
	    sb_link_budget_bars_login(link))
		return;
	sb_link_come_up(link, true, "");
}

/**
 * sb_link_budget_look() - what has been used by now, and is the period over
 * @link: in any state; one that waited for that comes up
 */
void sb_link_budget_look(struct sb_link *link)
{
	struct sb_budget *money = &link->budget.money;
	uint64_t total = carried(link);
	enum sb_budget_news news;
	bool renewed;

	if (!has_budget(link))
		return;
	sb_budget_use(money, total - link->budget.seen);
	link->budget.seen = total;
	renewed = sb_budget_look(money, wall_now(link));
	news = sb_budget_news(money);
	if (renewed || news != SB_BUDGET_NOTHING || sb_budget_wants_record(money))
		put_record(link, true);
	if (news != SB_BUDGET_NOTHING)
		say_news(link, news);
	if (link->budget.holds != sb_budget_spent(money))
		change(link);
	wake_up(link);
}

/**
 * sb_link_budget_holds() - is only what is urgent sent
 * @link: as sb_link_budget_look() has found it
 *
 * Return: whether the budget is spent.
 */
bool sb_link_budget_holds(const struct sb_link *link)
{
	return link->budget.holds;
}

/**
 * sb_link_budget_bars_login() - would a login be for nothing that may be sent
 * @link: as sb_link_budget_look() has found it
 *
 * Return: whether the budget is spent and nothing urgent waits.
 */
bool sb_link_budget_bars_login(const struct sb_link *link)
{
	return link->budget.holds && !sb_queue_has(link->queue, SB_URGENT);
}

/**
 * sb_link_budget_rest() - wait until the period is over, or something urgent is published
 * @link: down
 */
void sb_link_budget_rest(struct sb_link *link)
{
	char text[SB_LINK_REASON_MAX];

	sentence(link, "no login is made unless something urgent waits,", text, sizeof(text));
	sb_timer_disarm(&link->wake);
	link->budget.rests = true;
	sb_link_enter(link, SB_LINK_BACKOFF, text);
}

/**
 * sb_link_budget_used() - what is used of the budget
 * @link: the link
 *
 * Return: bytes in the present period, up to this moment; 0 without a budget.
 */
uint64_t sb_link_budget_used(const struct sb_link *link)
{
	return has_budget(link) ? link->budget.money.used + carried(link) - link->budget.seen : 0;
}

/* ---- life ------------------------------------------------------------------------------------- */

static void arm(struct sb_link *link)
{
	const struct sb_budget *money = &link->budget.money;
	int64_t wall = wall_now(link);
	uint64_t usec = LOOK_UNSET_USEC;

	if (money->ends_ms > 0 && wall > 0) {
		uint64_t left = money->ends_ms > wall
					? (uint64_t)(money->ends_ms - wall) * SB_USEC_PER_MSEC
					: 0;

		usec = left < LOOK_USEC ? left : LOOK_USEC;
	}
	sb_timer_arm(&link->budget.timer, usec);
}

static void budget_on_timer(struct sb_timer *timer)
{
	struct sb_link *link = link_of(sb_container_of(timer, struct sb_link_budget, timer));

	sb_link_budget_look(link);
	arm(link);
}

/**
 * sb_link_budget_init() - a link without budget
 * @link: its budget is embedded in it
 */
void sb_link_budget_init(struct sb_link *link)
{
	link->budget = (struct sb_link_budget){ 0 };
	sb_timer_init(&link->budget.timer, link->parts.loop, budget_on_timer);
}

/**
 * sb_link_budget_begin() - count from now on, and go on where the daemon, or a predecessor, was
 * @link: about to start; its predecessor has been ended
 */
void sb_link_budget_begin(struct sb_link *link)
{
	const char *text = sb_settings_text(link->config->common, "budget");
	struct sb_budget_plan plan = { 0 };
	const uint8_t *record;
	size_t len = 0;

	/* The configuration was checked, and a link with a wrong one never logs in. */
	if (!text || sb_budget_parse(text, &plan) < 0)
		return;
	sb_budget_init(&link->budget.money, &plan);
	record = sb_store_value(link->parts.store, sb_link_name(link), KEY, &len);
	if (record)
		(void)sb_budget_restore(&link->budget.money, record, len);
	link->budget.seen = carried(link);
	sb_link_budget_look(link);
	arm(link);
}

/**
 * sb_link_budget_done() - the link goes
 * @link: nothing is counted any more; what has been is on disk exactly, or a little more if the disk refuses
 */
void sb_link_budget_done(struct sb_link *link)
{
	if (has_budget(link)) {
		sb_budget_use(&link->budget.money, carried(link) - link->budget.seen);
		put_record(link, false);
	}
	link->budget.money.plan.bytes = 0;
	link->budget.holds = false;
	sb_timer_disarm(&link->budget.timer);
}
