/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/budget.h"
#include "daemon/cleanup.h"

#define VERSION 1

/* Less is spent by a login. */
#define BYTES_MIN UINT64_C(10000)
#define BYTES_MAX (UINT64_C(1000) * 1000 * 1000 * 1000 * 1000)

#define LOW_PERCENT 80

/* How far what is on disk is ahead. Half of it is left when it is written anew, for what passes meanwhile. */
#define AHEAD_PARTS 200
#define AHEAD_MIN UINT64_C(4000)

static const char *const periods[] = {
#define PERIOD_WORD(constant, word) [constant] = (word),
	SB_BUDGET_PERIODS(PERIOD_WORD)
#undef PERIOD_WORD
};

/* As those who sell bytes count them; and the others, for whoever writes these. The largest first. */
static const struct {
	const char *word;
	uint64_t bytes;
} units[] = {
	{ "GiB", UINT64_C(1) << 30 }, { "GB", UINT64_C(1000) * 1000 * 1000 },
	{ "MiB", UINT64_C(1) << 20 }, { "MB", UINT64_C(1000) * 1000 },
	{ "KiB", UINT64_C(1) << 10 }, { "kB", UINT64_C(1000) },
};

/* ---- text ------------------------------------------------------------------------------------- */

static const char *skip_spaces(const char *text)
{
	return text + strspn(text, " ");
}

static int parse_unit(const char **text, uint64_t *ret)
{
	for (size_t i = 0; i < SB_ELEMENTS(units); i++) {
		size_t len = strlen(units[i].word);

		if (strncmp(*text, units[i].word, len) != 0)
			continue;
		*text += len;
		*ret = units[i].bytes;
		return 0;
	}

	return -EINVAL;
}

static int parse_period(const char *text, enum sb_budget_period *ret)
{
	for (size_t i = 0; i < SB_ELEMENTS(periods); i++) {
		if (strcmp(text, periods[i]) == 0) {
			*ret = (enum sb_budget_period)i;
			return 0;
		}
	}

	return -EINVAL;
}

/**
 * sb_budget_parse() - read what stands in the configuration
 * @text: "5 MB/month"
 * @ret: filled
 *
 * Return: 0; -EINVAL for what is none; -ERANGE for less than 10 kB, or more than anybody has.
 */
int sb_budget_parse(const char *text, struct sb_budget_plan *ret)
{
	struct sb_budget_plan plan;
	uint64_t number;
	uint64_t unit;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0)
		return -ERANGE;
	text = skip_spaces(end);
	if (parse_unit(&text, &unit) < 0)
		return -EINVAL;
	text = skip_spaces(text);
	if (*text != '/' || parse_period(skip_spaces(text + 1), &plan.period) < 0)
		return -EINVAL;
	if (number > BYTES_MAX / unit || number * unit < BYTES_MIN)
		return -ERANGE;
	plan.bytes = number * unit;
	*ret = plan;

	return 0;
}

/**
 * sb_budget_plan_text() - a budget as the configuration could have it
 * @plan: of some bytes
 * @ret_text: "5 MB/month"
 */
void sb_budget_plan_text(const struct sb_budget_plan *plan, char ret_text[SB_BUDGET_TEXT_MAX])
{
	size_t i = 0;

	while (i < SB_ELEMENTS(units) && plan->bytes % units[i].bytes != 0)
		i++;
	(void)snprintf(ret_text, SB_BUDGET_TEXT_MAX, "%" PRIu64 " %s/%s",
		       i < SB_ELEMENTS(units) ? plan->bytes / units[i].bytes : plan->bytes,
		       i < SB_ELEMENTS(units) ? units[i].word : "B", periods[plan->period]);
}

/**
 * sb_budget_end_text() - when a period ends, for people
 * @budget: the budget
 * @ret_text: the local time
 */
void sb_budget_end_text(const struct sb_budget *budget, char ret_text[SB_BUDGET_TEXT_MAX])
{
	time_t end = (time_t)(budget->ends_ms / 1000);
	struct tm local;

	if (budget->ends_ms <= 0 || !localtime_r(&end, &local) ||
	    strftime(ret_text, SB_BUDGET_TEXT_MAX, "%Y-%m-%d %H:%M", &local) == 0)
		(void)snprintf(ret_text, SB_BUDGET_TEXT_MAX, "the box knows what time it is");
}

/* ---- periods ---------------------------------------------------------------------------------- */

#define HOUR_MS (INT64_C(3600) * 1000)

/* The longest that there are. */
static const int64_t lengths_ms[] = {
	[SB_BUDGET_DAY] = 25 * HOUR_MS,
	[SB_BUDGET_MONTH] = (31 * 24 + 1) * HOUR_MS,
};

/* The first moment of local time that is in the next one. */
static int64_t end_of_period(int64_t wall_ms, enum sb_budget_period period)
{
	time_t now = (time_t)(wall_ms / 1000);
	struct tm local;

	if (!localtime_r(&now, &local))
		return 0;
	if (period == SB_BUDGET_MONTH) {
		local.tm_mon++;
		local.tm_mday = 1;
	} else {
		local.tm_mday++;
	}
	local.tm_hour = local.tm_min = local.tm_sec = 0;
	local.tm_isdst = -1; /* whichever holds by then */

	return (int64_t)mktime(&local) * 1000;
}

/**
 * sb_budget_init() - nothing is used yet
 * @budget: embedded in its owner
 * @plan: copied
 */
void sb_budget_init(struct sb_budget *budget, const struct sb_budget_plan *plan)
{
	*budget = (struct sb_budget){ .plan = *plan };
}

/**
 * sb_budget_restore() - go on where the daemon, or a link of this name, was
 * @budget: just initialised
 * @record: what sb_budget_record() had made, from disk
 * @len: bytes
 *
 * With another kind of period than before the end of the present one is looked up anew; what is used counts on.
 *
 * Return: whether it made sense.
 */
bool sb_budget_restore(struct sb_budget *budget, const void *record, size_t len)
{
	struct sb_budget_record known;

	if (len != sizeof(known))
		return false;
	memcpy(&known, record, sizeof(known));
	if (known.version != VERSION || known.said > SB_BUDGET_SPENT || known.ends_ms < 0)
		return false;
	budget->used = known.used;
	budget->reserved = known.used;
	budget->said = (enum sb_budget_news)known.said;
	budget->ends_ms = known.period == (uint32_t)budget->plan.period ? known.ends_ms : 0;

	return true;
}

/**
 * sb_budget_look() - is the period over
 * @budget: the budget
 * @wall_ms: the wall clock, ms since 1970; 0 if the box does not know
 *
 * A clock that goes back ends nothing: the period ends when it was to, unless that is further away than the next one's
 * end could be. Then the clock, or the disk, was far off, and the end is looked up anew.
 *
 * Return: whether a new one has begun.
 */
bool sb_budget_look(struct sb_budget *budget, int64_t wall_ms)
{
	bool known = budget->ends_ms > 0 &&
		     budget->ends_ms - wall_ms <= 2 * lengths_ms[budget->plan.period];
	bool over = known && wall_ms >= budget->ends_ms;

	if (wall_ms <= 0 || (known && !over))
		return false;
	budget->ends_ms = end_of_period(wall_ms, budget->plan.period);
	if (!over)
		return false;
	budget->used = 0;
	budget->reserved = 0;
	budget->said = SB_BUDGET_NOTHING;

	return true;
}

/* ---- what is used ----------------------------------------------------------------------------- */

/**
 * sb_budget_use() - the link has carried something
 * @budget: the budget
 * @bytes: on the wire, both ways
 */
void sb_budget_use(struct sb_budget *budget, uint64_t bytes)
{
	budget->used += bytes;
}

/**
 * sb_budget_spent() - is nothing left
 * @budget: the budget
 *
 * Return: whether; false where there is none.
 */
bool sb_budget_spent(const struct sb_budget *budget)
{
	return budget->plan.bytes > 0 && budget->used >= budget->plan.bytes;
}

static bool is_low(const struct sb_budget *budget)
{
	return budget->plan.bytes > 0 && budget->used >= budget->plan.bytes / 100 * LOW_PERCENT;
}

/**
 * sb_budget_news() - what is to be said by now
 * @budget: the budget; a larger one than before has its news anew
 *
 * Return: SB_BUDGET_NOTHING, or what has come to be and was not said in this period.
 */
enum sb_budget_news sb_budget_news(struct sb_budget *budget)
{
	enum sb_budget_news now = sb_budget_spent(budget) ? SB_BUDGET_SPENT
				  : is_low(budget)	  ? SB_BUDGET_LOW
							  : SB_BUDGET_NOTHING;
	bool news = now > budget->said;

	budget->said = now;

	return news ? now : SB_BUDGET_NOTHING;
}

static uint64_t ahead_of(const struct sb_budget *budget)
{
	uint64_t part = budget->plan.bytes / AHEAD_PARTS;

	return part > AHEAD_MIN ? part : AHEAD_MIN;
}

/**
 * sb_budget_wants_record() - is what was used about to pass what is on disk
 * @budget: the budget
 *
 * Return: whether sb_budget_record() is to be written.
 */
bool sb_budget_wants_record(const struct sb_budget *budget)
{
	return budget->plan.bytes > 0 && budget->used + ahead_of(budget) / 2 > budget->reserved;
}

/**
 * sb_budget_record() - what is to be on disk
 * @budget: counts on from it
 * @ahead: the daemon goes on; else the record is exact
 * @ret: filled
 */
void sb_budget_record(struct sb_budget *budget, bool ahead, struct sb_budget_record *ret)
{
	budget->reserved = budget->used + (ahead ? ahead_of(budget) : 0);
	*ret = (struct sb_budget_record){
		.version = VERSION,
		.period = (uint32_t)budget->plan.period,
		.used = budget->reserved,
		.ends_ms = budget->ends_ms,
		.said = (uint32_t)budget->said,
	};
}
