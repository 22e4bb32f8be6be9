/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The account of plugins that have crashed the daemon, and the rule over it: three times within ten minutes of one
 * boot, and the plugin is in quarantine, until somebody lifts that, or its file is another one. Values and text only;
 * daemon/quarantine.c has the file.
 *
 * Time is CLOCK_BOOTTIME with the id of its boot, for the wall clock of these boxes jumps; crashes of two boots are
 * never near each other. The wall clock's is kept for people.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/running.h"
#include "daemon/store.h"

/* So many crashes within so many milliseconds. */
#define SB_CRASHES_MAX 3
#define SB_CRASHES_WITHIN_MS INT64_C(600000)

/* Of that many plugins at most; one more, and the first is forgotten. */
#define SB_CRASHES_PLUGINS_MAX 32

#define SB_CRASH_CALL_MAX 48

/**
 * struct sb_crash - one crash; texts come from a file, and are checked there
 * @plugin: whose code was running
 * @link: for which link; "" while the plugin was being loaded
 * @call: which of its calls, as sb_running_words() has it
 * @signal: what the process died of; 0 if the plugin called exit()
 * @outside: not 0 if somebody else sent the signal: the watchdog
 * @boot_id, @boot_ms: when
 * @wall_ms: likewise, for people
 */
struct sb_crash {
	char plugin[SB_RUNNING_NAME_MAX];
	char link[SB_RUNNING_NAME_MAX];
	char call[SB_CRASH_CALL_MAX];
	int signal;
	uint32_t outside;
	char boot_id[SB_BOOT_ID_MAX];
	int64_t boot_ms;
	int64_t wall_ms;
};

/** struct sb_plugin_mark - by what the file of a plugin is known again; all zero if there is none */
struct sb_plugin_mark {
	uint64_t inode;
	int64_t size;
	int64_t mtime_ns;
};

/**
 * struct sb_crashed - what one plugin has done
 * @last: the last @n crashes, the oldest first
 */
struct sb_crashed {
	char plugin[SB_RUNNING_NAME_MAX];
	struct sb_plugin_mark mark;
	bool quarantined;
	struct sb_crash last[SB_CRASHES_MAX];
	size_t n;
};

/** struct sb_crashes - the account; zeroed is empty */
struct sb_crashes {
	struct sb_crashed all[SB_CRASHES_PLUGINS_MAX];
	size_t n;
};

bool sb_crash_makes_sense(const struct sb_crash *crash);
int sb_crash_describe(const struct sb_crash *crash, char **ret);

struct sb_crashed *sb_crashes_find(struct sb_crashes *crashes, const char *plugin);
struct sb_crashed *sb_crashes_add(struct sb_crashes *crashes, const struct sb_crash *crash,
				  const struct sb_plugin_mark *mark);
unsigned int sb_crashes_count(const struct sb_crashed *crashed);
void sb_crashes_forget(struct sb_crashes *crashes, struct sb_crashed *crashed);

void sb_crashes_parse(struct sb_crashes *crashes, const char *text);
int sb_crashes_print(const struct sb_crashes *crashes, char **ret);
