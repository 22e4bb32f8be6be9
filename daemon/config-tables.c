/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's own settings: the parser, the errors and the documentation are made from these rows.
 */
#include "daemon/cleanup.h"
#include "daemon/config.h"

const struct skybus_setting sb_caller_table[] = {
	{ .key = "messages_per_second",
	  .kind = SKYBUS_INTEGER,
	  .fallback = "50000",
	  .min = 1,
	  .max = 10000000,
	  .help = "The most messages that one user of this box may publish in a second. One that was "
		  "quiet for a second may publish them at once." },
	{ .key = "bytes_per_second",
	  .kind = SKYBUS_SIZE,
	  .fallback = "32M",
	  .min = 1024,
	  .max = INT64_C(1) << 40,
	  .help = "The most bytes of topics and payloads that one user of this box may publish in a "
		  "second." },
	{ .key = "stored_messages",
	  .kind = SKYBUS_INTEGER,
	  .fallback = "100000",
	  .min = 1,
	  .max = 10000000,
	  .help = "The most messages that one user of this box may have waiting, in all queues "
		  "together." },
	{ .key = "stored_bytes",
	  .kind = SKYBUS_SIZE,
	  .fallback = "64M",
	  .min = 1024,
	  .max = INT64_C(1) << 40,
	  .help = "The most bytes of topics and payloads that one user of this box may have waiting." },
	{ .key = "subscriptions",
	  .kind = SKYBUS_INTEGER,
	  .fallback = "256",
	  .min = 0,
	  .max = 100000,
	  .help = "The most subscriptions that one connection may have." },
	{ .key = "streams",
	  .kind = SKYBUS_INTEGER,
	  .fallback = "16",
	  .min = 0,
	  .max = 10000,
	  .help = "The most streams that one user of this box may have open." },
};
const size_t sb_caller_table_rows = SB_ELEMENTS(sb_caller_table);

const struct skybus_setting sb_store_table[] = {
	{ .key = "sync",
	  .kind = SKYBUS_CHOICE,
	  .choices = "full|normal",
	  .fallback = "full",
	  .help = "When a message counts as stored: full outlives a power cut, normal is faster "
		  "but may lose the last moments before one." },
	{ .key = "commit_interval",
	  .kind = SKYBUS_DURATION,
	  .fallback = "0",
	  .min = 0,
	  .max = 3600,
	  .help = "How long the end of a message may wait until it is written together with something "
		  "that cannot wait, such as the next message. It is told when it is written, so "
		  "publishers hear of it up to so much later, and after a crash so much more is sent "
		  "once more." },
	{ .key = "max_bytes",
	  .kind = SKYBUS_SIZE,
	  .min = 1024 * 1024,
	  .max = INT64_C(1) << 40,
	  .help = "The most bytes that the database takes on disk; publishing fails beyond. Without it, "
		  "as much as the disk has." },
	{ .key = "tickets_kept",
	  .kind = SKYBUS_INTEGER,
	  .fallback = "100000",
	  .min = 1000,
	  .max = 10000000,
	  .help = "How many tickets of messages that have ended can be asked about, the newest. Those of "
		  "durability memory count as well, and so do up to 4096 numbers that a crash leaves "
		  "out." },
	{ .key = "tickets_kept_for",
	  .kind = SKYBUS_DURATION,
	  .fallback = "30d",
	  .min = 3600,
	  .max = INT64_C(10) * 365 * 86400,
	  .help = "How long after its message has ended a ticket can be asked about." },
	{ .key = "dead_letters_kept",
	  .kind = SKYBUS_INTEGER,
	  .fallback = "1000",
	  .min = 0,
	  .max = 1000000,
	  .help = "How many rejected messages are kept with their payload, the newest." },
};
const size_t sb_store_table_rows = SB_ELEMENTS(sb_store_table);

const struct skybus_setting sb_inboxes_table[] = {
	{ .key = "messages",
	  .kind = SKYBUS_INTEGER,
	  .fallback = "10000",
	  .min = 1,
	  .max = 10000000,
	  .help = "The most messages that wait in one inbox until its app acknowledges them." },
	{ .key = "bytes",
	  .kind = SKYBUS_SIZE,
	  .fallback = "16M",
	  .min = 1024,
	  .max = INT64_C(1) << 40,
	  .help = "The most bytes of topics and payloads that wait in one inbox." },
	{ .key = "when_full",
	  .kind = SKYBUS_CHOICE,
	  .choices = "refuse|drop_oldest",
	  .fallback = "refuse",
	  .help = "What gives way when an inbox is full: the new message, and a cloud that waits is told "
		  "so if nobody else has it; or the oldest of those that the app was not sent yet. Both "
		  "are counted." },
	{ .key = "per_user",
	  .kind = SKYBUS_INTEGER,
	  .fallback = "64",
	  .min = 0,
	  .max = 10000,
	  .help = "The most inboxes that one user of this box may have." },
	{ .key = "ack_timeout",
	  .kind = SKYBUS_DURATION,
	  .fallback = "60s",
	  .min = 1,
	  .max = 86400,
	  .help = "A message that its app has not acknowledged within it is sent to the app again." },
};
const size_t sb_inboxes_table_rows = SB_ELEMENTS(sb_inboxes_table);

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
	{ .key = "budget",
	  .kind = SKYBUS_TEXT,
	  .min = 1,
	  .max = 64,
	  .help = "The most bytes that the link may send and get in a day or a month, \"5 MB/month\", as "
		  "whoever bills it counts them: whole packets, with handshakes and all that is sent "
		  "again. When they are spent only urgent messages are sent, and the others wait. Never "
		  "unless set." },
	{ .key = "memory_bytes",
	  .kind = SKYBUS_SIZE,
	  .fallback = "1M",
	  .min = 1024,
	  .max = INT64_C(1) << 30,
	  .help = "Of queue_bytes, the most that messages of durability memory may take." },
	{ .key = "memory_messages",
	  .kind = SKYBUS_INTEGER,
	  .fallback = "1000",
	  .min = 1,
	  .max = 100000,
	  .help = "Of queue_messages, the most that may be of durability memory." },
	{ .key = "ordered",
	  .kind = SKYBUS_BOOLEAN,
	  .fallback = "no",
	  .help = "Whether a message is sent only when the one before it has ended, so that the cloud gets "
		  "them in their order. Slow: one round trip for each." },
	{ .key = "plugin_isolation",
	  .kind = SKYBUS_CHOICE,
	  .choices = "none|process",
	  .fallback = "none",
	  .help = "Whether the link's plugin runs in the daemon, or in a sandboxed process of its own: "
		  "a plugin that crashes or hangs there costs this link alone. It takes some memory "
		  "for each link, and a little time for each message." },
	{ .key = "queue_messages",
	  .kind = SKYBUS_INTEGER,
	  .fallback = "100000",
	  .min = 1,
	  .max = 10000000,
	  .help = "The most messages that wait for the cloud; when_full says what happens beyond." },
	{ .key = "queue_bytes",
	  .kind = SKYBUS_SIZE,
	  .fallback = "64M",
	  .min = 1024,
	  .max = INT64_C(1) << 40,
	  .help = "The most bytes of topics and payloads that wait for the cloud." },
	{ .key = "when_full",
	  .kind = SKYBUS_CHOICE,
	  .choices = "refuse|drop_oldest",
	  .fallback = "refuse",
	  .help = "What gives way when the queue is full: the new message, which is refused, or the oldest "
		  "of the lowest priority, which ends as expired." },
	{ .key = "window",
	  .kind = SKYBUS_INTEGER,
	  .fallback = "8",
	  .min = 1,
	  .max = 64,
	  .help = "The most requests with messages in flight at a time; congestion may set less." },
};
const size_t sb_link_table_rows = SB_ELEMENTS(sb_link_table);

const struct skybus_setting sb_route_table[] = {
	{ .key = "match",
	  .kind = SKYBUS_TEXT,
	  .flags = SKYBUS_REQUIRED,
	  .max = SB_TOPIC_MAX,
	  .help = "The topics of apps that take this route: a filter as in MQTT. The first route that "
		  "matches is taken." },
	{ .key = "send",
	  .kind = SKYBUS_CHOICE,
	  .choices = "all|first-online",
	  .fallback = "all",
	  .help = "Whether each of the links gets the message, or the first that is online; what waits "
		  "there goes to another one when that link is not online and the other is." },
	{ .key = "to",
	  .kind = SKYBUS_TEXT,
	  .flags = SKYBUS_REQUIRED,
	  .help = "The links, at most 16, each with its name and the topic there." },
};
const size_t sb_route_table_rows = SB_ELEMENTS(sb_route_table);

const struct skybus_setting sb_route_target_table[] = {
	{ .key = "link",
	  .kind = SKYBUS_TEXT,
	  .flags = SKYBUS_REQUIRED,
	  .help = "The name of a link." },
	{ .key = "topic",
	  .kind = SKYBUS_TEXT,
	  .fallback = "{topic}",
	  .min = 1,
	  .max = 4096,
	  .help = "The topic at this link. {topic} stands for the app's topic, {KEY} for that setting of "
		  "the link, {{ for a brace." },
};
const size_t sb_route_target_table_rows = SB_ELEMENTS(sb_route_target_table);
