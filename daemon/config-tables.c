/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's own settings: the parser, the errors and the documentation are made from these rows.
 */
#include "daemon/cleanup.h"
#include "daemon/config.h"

const struct skybus_setting sb_store_table[] = {
	{ .key = "sync",
	  .kind = SKYBUS_CHOICE,
	  .choices = "full|normal",
	  .fallback = "full",
	  .help = "When a message counts as stored: full outlives a power cut, normal is faster "
		  "but may lose the last moments before one." },
};
const size_t sb_store_table_rows = SB_ELEMENTS(sb_store_table);

const struct skybus_setting sb_link_table[] = {
	{ .key = "plugin",
	  .kind = SKYBUS_TEXT,
	  .flags = SKYBUS_REQUIRED,
	  .help = "The plugin that knows the cloud's rules." },
	{ .key = "enabled",
	  .kind = SKYBUS_BOOLEAN,
	  .fallback = "yes",
	  .help = "Whether the link connects. Messages for a link that does not are stored all the "
		  "same." },
	{ .key = "interface",
	  .kind = SKYBUS_TEXT,
	  .min = 1,
	  .max = 15,
	  .help = "The network interface that everything of this link goes through, such as wwan0; "
		  "without it the routing table chooses. Names are looked up as the box looks up "
		  "all names." },
	{ .key = "queue_messages",
	  .kind = SKYBUS_INTEGER,
	  .fallback = "100000",
	  .min = 1,
	  .max = 10000000,
	  .help = "The most messages that wait for the cloud; publishing fails beyond." },
	{ .key = "queue_bytes",
	  .kind = SKYBUS_SIZE,
	  .fallback = "64M",
	  .min = 1024,
	  .max = INT64_C(1) << 40,
	  .help = "The most bytes of topics and payloads that wait for the cloud." },
	{ .key = "window",
	  .kind = SKYBUS_INTEGER,
	  .fallback = "8",
	  .min = 1,
	  .max = 64,
	  .help = "The most messages in flight at a time; congestion may set less." },
};
const size_t sb_link_table_rows = SB_ELEMENTS(sb_link_table);
