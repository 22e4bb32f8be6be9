/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of settings that a plugin's descriptor brings: whatever is in it, it is refused with a sentence, or all
 * its values can be read. It is the part of a descriptor that is more than a few numbers and pointers.
 */

#include "daemon/cleanup.h"
#include "daemon/kind.h"
#include "daemon/settings.h"
#include "tests/fuzz/input.h"

#define ROWS_MAX 6

/* NULL now and then. */
static const char *take_text(struct fuzz_input *in)
{
	return fuzz_pick(in, 4) == 0 ? NULL : fuzz_text(in);
}

static int64_t take_bound(struct fuzz_input *in)
{
	int64_t high = (int32_t)fuzz_number(in);

	return fuzz_pick(in, 2) == 0 ? high : high * (1 + (int64_t)fuzz_number(in));
}

static struct skybus_setting take_row(struct fuzz_input *in)
{
	return (struct skybus_setting){
		.key = take_text(in),
		.kind = fuzz_byte(in) % (SKYBUS_NETWORKS + 2),
		.flags = fuzz_pick(in, 8) == 0 ? fuzz_number(in) : 0,
		.fallback = take_text(in),
		.min = take_bound(in),
		.max = take_bound(in),
		.choices = take_text(in),
		.help = take_text(in),
	};
}

void fuzz_target(struct fuzz_input *in)
{
	struct skybus_setting rows[ROWS_MAX];
	size_t n = 1 + fuzz_pick(in, ROWS_MAX);
	struct sb_settings *settings = NULL;
	char why[256] = "";
	int64_t number, least, most;

	for (size_t i = 0; i < n; i++)
		rows[i] = take_row(in);
	if (sb_settings_check_table(rows, n, why, sizeof(why)) < 0) {
		fuzz_require(why[0] != '\0', "a table is refused without a word");
		return;
	}
	fuzz_require(sb_settings_new(rows, n, &settings) == 0, "a table that is right is refused");
	for (size_t i = 0; i < n; i++) {
		if (sb_kind_parse(&rows[i], fuzz_text(in), &number) < 0)
			continue;
		sb_kind_bounds(&rows[i], &least, &most);
		fuzz_require(number >= least && number <= most, "a value is out of bounds");
	}
	(void)sb_settings_free(settings);
}
