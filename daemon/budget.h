/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How much a link may cost: so many bytes on the wire in a day or a month of the box's local time.
 *
 * A period ends when the wall clock says so. As long as a box does not know the time no period ends, and what is
 * used counts on. What is on disk is ahead of what was used, by a two hundredth of the budget or 4 kB: so it is not
 * written for each message, and a crash makes a link seem to have used too much rather than too little.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(constant, word) */
#define SB_BUDGET_PERIODS(X)    \
	X(SB_BUDGET_DAY, "day") \
	X(SB_BUDGET_MONTH, "month")

/* The numbers are in the database: add at the end, never reorder. */
enum sb_budget_period {
#define SB_BUDGET_PERIOD(constant, word) constant,
	SB_BUDGET_PERIODS(SB_BUDGET_PERIOD)
#undef SB_BUDGET_PERIOD
};

/** struct sb_budget_plan - what the configuration says; 0 bytes are no budget */
struct sb_budget_plan {
	uint64_t bytes;
	enum sb_budget_period period;
};

/** enum sb_budget_news - what is said once a period */
enum sb_budget_news {
	SB_BUDGET_NOTHING,
	SB_BUDGET_LOW, /* 80 % are used */
	SB_BUDGET_SPENT,
};

/** struct sb_budget_record - what is on disk of one */
struct sb_budget_record {
	uint32_t version;
	uint32_t period;
	uint64_t used;
	int64_t ends_ms;
	uint32_t said; /* the last of enum sb_budget_news */
	uint32_t zero;
};

/**
 * struct sb_budget - embedded in its owner
 * @used: bytes in the present period
 * @reserved: so many count as used if the daemon ends now
 * @ends_ms: when the period does, wall clock, ms since 1970; 0 while that is not known
 * @said: the last news of this period
 */
struct sb_budget {
	struct sb_budget_plan plan;
	uint64_t used;
	uint64_t reserved;
	int64_t ends_ms;
	enum sb_budget_news said;
};

/* Room for what sb_budget_plan_text() and sb_budget_end_text() write. */
#define SB_BUDGET_TEXT_MAX 48

int sb_budget_parse(const char *text, struct sb_budget_plan *ret);
void sb_budget_plan_text(const struct sb_budget_plan *plan, char ret_text[SB_BUDGET_TEXT_MAX]);
void sb_budget_end_text(const struct sb_budget *budget, char ret_text[SB_BUDGET_TEXT_MAX]);

void sb_budget_init(struct sb_budget *budget, const struct sb_budget_plan *plan);
bool sb_budget_restore(struct sb_budget *budget, const void *record, size_t len);
bool sb_budget_look(struct sb_budget *budget, int64_t wall_ms);
void sb_budget_use(struct sb_budget *budget, uint64_t bytes);
bool sb_budget_spent(const struct sb_budget *budget);
enum sb_budget_news sb_budget_news(struct sb_budget *budget);
bool sb_budget_wants_record(const struct sb_budget *budget);
void sb_budget_record(struct sb_budget *budget, bool ahead, struct sb_budget_record *ret);
