/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The events that whoever runs the box may care about. Each has a level (daemon/log.h) and, for ever, a number by
 * which journalctl -x finds its entry in systemd/skybus.catalog. A new event takes a row here, with a number
 * from "systemd-id128 new", and an entry there; a number that was in a release is never given to anything else.
 *
 * What an event has in fields is what people filter by: journalctl SKYBUS_LINK=plant. Its entry may name those
 * that it always has, as @SKYBUS_LINK@.
 */
#include <stddef.h>
#include <syslog.h>

/* X(name of the constants, member of struct sb_fields, field of the journal) */
#define SB_FIELDS(X)                       \
	X(LINK, link, "SKYBUS_LINK")       \
	X(PLUGIN, plugin, "SKYBUS_PLUGIN") \
	X(STATE, state, "SKYBUS_STATE")    \
	X(CODE, code, "SKYBUS_CODE")       \
	X(USER, user, "SKYBUS_USER")       \
	X(INBOX, inbox, "SKYBUS_INBOX")    \
	X(COUNT, count, "SKYBUS_COUNT")    \
	X(PATH, path, "SKYBUS_PATH")       \
	X(VERSION, version, "SKYBUS_VERSION")

enum {
#define SB_FIELD_INDEX(name, member, field) SB_FIELD_INDEX_##name,
	SB_FIELDS(SB_FIELD_INDEX)
#undef SB_FIELD_INDEX
	SB_FIELDS_N
};

enum {
#define SB_FIELD_BIT(name, member, field) SB_FIELD_##name = 1u << SB_FIELD_INDEX_##name,
	SB_FIELDS(SB_FIELD_BIT)
#undef SB_FIELD_BIT
};

/**
 * struct sb_fields - what an event is about; NULL for what does not apply
 * @link: its name
 * @plugin: the name that the configuration has
 * @state: of the link, the word on the bus
 * @code: what the cloud answered, "4.01"
 * @user: a number
 * @inbox: its name
 * @count: of links, messages, or crashes
 * @path: of a file
 * @version: of skybusd
 */
struct sb_fields {
#define SB_FIELD_MEMBER(name, member, field) const char *member;
	SB_FIELDS(SB_FIELD_MEMBER)
#undef SB_FIELD_MEMBER
};

/* X(constant, field SKYBUS_EVENT, MESSAGE_ID, level, fields that it always has, that it sometimes has) */
#define SB_EVENTS(X)                                                                               \
	X(SB_EVENT_STARTED, "started", "32df9b4449ac4b5cb1fd619f7e2fe6ed", LOG_NOTICE,             \
	  SB_FIELD_VERSION | SB_FIELD_COUNT, 0)                                                    \
	X(SB_EVENT_ENDING, "ending", "ca1ebbf2557d4e7bbc61e9ea38d3f455", LOG_NOTICE, 0, 0)         \
	X(SB_EVENT_CANNOT_START, "cannot-start", "63ae258591db4d56a9ded215c37500a2", LOG_ERR, 0,   \
	  0)                                                                                       \
	X(SB_EVENT_LINK_ONLINE, "link-online", "fe17dbd9285e43cbbfae6fb68883d2e2", LOG_NOTICE,     \
	  SB_FIELD_LINK | SB_FIELD_STATE, SB_FIELD_PLUGIN)                                         \
	X(SB_EVENT_LINK_LOST, "link-lost", "25e24fe50a6444e1bd20e122c140825d", LOG_WARNING,        \
	  SB_FIELD_LINK | SB_FIELD_STATE, SB_FIELD_PLUGIN | SB_FIELD_CODE)                         \
	X(SB_EVENT_LINK_REROUTED, "link-rerouted", "09e4be930a244094b32ffef0a9daba11", LOG_NOTICE, \
	  SB_FIELD_LINK | SB_FIELD_STATE, SB_FIELD_PLUGIN)                                         \
	X(SB_EVENT_LINK_REFUSED, "link-refused", "26fe7725dd334c03b7a30e1c9c5f446a", LOG_WARNING,  \
	  SB_FIELD_LINK | SB_FIELD_STATE, SB_FIELD_PLUGIN | SB_FIELD_CODE)                         \
	X(SB_EVENT_LINK_FAILED, "link-failed", "3d240da1a0fc409db165910f8b0032de", LOG_ERR,        \
	  SB_FIELD_LINK | SB_FIELD_STATE, SB_FIELD_PLUGIN | SB_FIELD_CODE)                         \
	X(SB_EVENT_LINK_DISABLED, "link-disabled", "1d2e035156324f99b0a25d59daad76f0", LOG_NOTICE, \
	  SB_FIELD_LINK | SB_FIELD_STATE, SB_FIELD_PLUGIN)                                         \
	X(SB_EVENT_LINK_WAITS, "link-waits", "de2678d5e11a4225847fe901724eef9f", LOG_WARNING,      \
	  SB_FIELD_LINK | SB_FIELD_STATE, SB_FIELD_PLUGIN | SB_FIELD_CODE)                         \
	X(SB_EVENT_BUDGET_LOW, "budget-low", "75f5f0584e394f73a6121a31fc65e643", LOG_WARNING,      \
	  SB_FIELD_LINK, SB_FIELD_PLUGIN)                                                          \
	X(SB_EVENT_BUDGET_SPENT, "budget-spent", "bd1d93ecdd324729bc2f385e1b96afcd", LOG_ERR,      \
	  SB_FIELD_LINK, SB_FIELD_PLUGIN)                                                          \
	X(SB_EVENT_CONFIG_WRONG, "config-wrong", "aee73566d9c546e693300532df3cabea", LOG_ERR, 0,   \
	  0)                                                                                       \
	X(SB_EVENT_CONFIG_RESTART, "config-restart", "c268ff1715c343239f3312dc7630161c",           \
	  LOG_WARNING, 0, 0)                                                                       \
	X(SB_EVENT_SECRET_INLINE, "secret-inline", "b851a5ddded94a14aa40eb1469ba1fed",             \
	  LOG_WARNING, 0, 0)                                                                       \
	X(SB_EVENT_RELOADED, "reloaded", "ca100b22d05e46e2808ad6ba70e91eca", LOG_NOTICE,           \
	  SB_FIELD_COUNT, 0)                                                                       \
	X(SB_EVENT_RELOAD_REFUSED, "reload-refused", "260583f93fd946ffb6387ee59d963f2a", LOG_ERR,  \
	  0, 0)                                                                                    \
	X(SB_EVENT_PLUGIN_LEFT_OUT, "plugin-left-out", "b4e6a3d158864118b86b53dfa4fa4cbe",         \
	  LOG_WARNING, SB_FIELD_PLUGIN, 0)                                                         \
	X(SB_EVENT_PLUGIN_CRASHED, "plugin-crashed", "511ca916b4c44c229aa83849a19b3d13", LOG_ERR,  \
	  SB_FIELD_PLUGIN | SB_FIELD_COUNT, SB_FIELD_LINK)                                         \
	X(SB_EVENT_PLUGIN_QUARANTINED, "plugin-quarantined", "fe2b958a73f94c2ea6273cbdc6cf191e",   \
	  LOG_ERR, SB_FIELD_PLUGIN, 0)                                                             \
	X(SB_EVENT_PLUGIN_RELEASED, "plugin-released", "1cbe9d4799db48beb05b7c68e2b61ad9",         \
	  LOG_NOTICE, SB_FIELD_PLUGIN, 0)                                                          \
	X(SB_EVENT_PLUGIN_DIED, "plugin-died", "cffcecb79cff46028f100c0809daaf51", LOG_ERR,        \
	  SB_FIELD_LINK | SB_FIELD_STATE, SB_FIELD_PLUGIN)                                         \
	X(SB_EVENT_HTTPS_MISSING, "https-missing", "d56f170fc24e42538bbcb3ed6be5cf72",             \
	  LOG_WARNING, 0, 0)                                                                       \
	X(SB_EVENT_STORE_FULL, "store-full", "3b51f822d4d54c4fab339fc06cc03ca0", LOG_ERR,          \
	  SB_FIELD_PATH, 0)                                                                        \
	X(SB_EVENT_STORE_FAILS, "store-fails", "3a39905bda3d47c19be752a753f5723a", LOG_ERR,        \
	  SB_FIELD_PATH, 0)                                                                        \
	X(SB_EVENT_STORE_WORKS, "store-works", "b2b801b48fc34fcc907ae4c08050cf57", LOG_NOTICE,     \
	  SB_FIELD_PATH, 0)                                                                        \
	X(SB_EVENT_STORE_STALLS, "store-stalls", "e4079f223bf04ef3a84e24729189bd1a", LOG_ERR, 0,   \
	  0)                                                                                       \
	X(SB_EVENT_STORE_ANSWERS, "store-answers", "3222bf3e6bf548e3904b5e72c6891d0a", LOG_NOTICE, \
	  0, 0)                                                                                    \
	X(SB_EVENT_STORE_DAMAGED, "store-damaged", "1cc9d515738946f28a8f303675bb6e85", LOG_CRIT,   \
	  SB_FIELD_PATH, 0)                                                                        \
	X(SB_EVENT_STORE_BEGUN_ANEW, "store-begun-anew", "cecc45eb8ed94c0a8fe45b52d6a98a79",       \
	  LOG_CRIT, SB_FIELD_PATH, 0)                                                              \
	X(SB_EVENT_STORE_MENDED, "store-mended", "f7f7111cb6b84dc2a47ae6864139e6ae", LOG_NOTICE,   \
	  SB_FIELD_PATH, 0)                                                                        \
	X(SB_EVENT_STORE_IN_USE, "store-in-use", "208e01a74f02433ea748d6fc92eed2c7", LOG_ERR,      \
	  SB_FIELD_PATH, 0)                                                                        \
	X(SB_EVENT_STORE_UNUSABLE, "store-unusable", "617495afb49940538a7bfe497ece324a", LOG_ERR,  \
	  SB_FIELD_PATH, 0)                                                                        \
	X(SB_EVENT_QUEUE_ORPHANED, "queue-orphaned", "22d36492f3634d2da6e22ff0ce769d2f",           \
	  LOG_WARNING, SB_FIELD_LINK | SB_FIELD_COUNT, 0)                                          \
	X(SB_EVENT_INBOX_LOSES, "inbox-loses", "7e7ec61204994bf3a794dadf4bedd16b", LOG_WARNING,    \
	  SB_FIELD_LINK | SB_FIELD_USER | SB_FIELD_INBOX, 0)                                       \
	X(SB_EVENT_BUS_LOST, "bus-lost", "dc02d59fbfcd47b29f57232de4c5bc67", LOG_WARNING, 0, 0)    \
	X(SB_EVENT_BUS_BACK, "bus-back", "fde4930cc28b4ef19fccbec7834e59bd", LOG_NOTICE, 0, 0)     \
	X(SB_EVENT_BUS_UNUSABLE, "bus-unusable", "735fc33a1e574e829634e4bfda99afc2", LOG_ERR, 0,   \
	  0)                                                                                       \
	X(SB_EVENT_BUS_LIMITS, "bus-limits", "37eae28aca644bd59a6f2375310e77ca", LOG_WARNING, 0,   \
	  0)                                                                                       \
	X(SB_EVENT_UNITS_UNKNOWN, "units-unknown", "3eb2ef501a0f44309941e9c953d9b987",             \
	  LOG_WARNING, 0, 0)                                                                       \
	X(SB_EVENT_UNITS_KNOWN, "units-known", "e6254ca1c6d443b3be7289ab53f2e1cc", LOG_NOTICE, 0,  \
	  0)                                                                                       \
	X(SB_EVENT_OUT_OF_MEMORY, "out-of-memory", "81ede0a96f1b4f28adb062d2304a279e", LOG_ERR, 0, \
	  SB_FIELD_LINK)

enum sb_event {
#define SB_EVENT_CONSTANT(constant, name, id, level, always, sometimes) constant,
	SB_EVENTS(SB_EVENT_CONSTANT)
#undef SB_EVENT_CONSTANT
	SB_EVENTS_N
};

/** struct sb_event_row - see SB_EVENTS; fields are SB_FIELD_… bits */
struct sb_event_row {
	const char *name;
	const char *id;
	int level;
	unsigned int always;
	unsigned int sometimes;
};

extern const struct sb_event_row sb_events[SB_EVENTS_N];
extern const char *const sb_field_names[SB_FIELDS_N];

const char *sb_field_value(const struct sb_fields *fields, size_t index);
