/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What passes between the daemon and a plugin's process: the packets, and the structs of skybus/plugin.h in them.
 *
 * The daemon sends calls, SB_CALLS. The process makes them in that order, one at a time, and for each it sends
 * RETURN. Meanwhile it may ask for what plugins are lent, SB_ASKS. What has an answer gets it (ANSWERED) before
 * anything else is done there; calls that come in between wait.
 *
 * A plugin may be older than this and its structs shorter: what it does not have is 0 here, and size says so.
 */
#include "daemon/isolation-pack.h"
#include "skybus/plugin.h"

/* X(name): what is called, a function of struct skybus_plugin or a completion */
#define SB_CALLS(X)     \
	X(ATTACH)       \
	X(DETACH)       \
	X(LOGIN)        \
	X(ENCODE)       \
	X(DECIDE)       \
	X(ACCEPT)       \
	X(KEEPALIVE)    \
	X(SERVE)        \
	X(ANSWER)       \
	X(GATHER)       \
	X(ENCODE_BATCH) \
	X(OPENED)       \
	X(REPLIED)      \
	X(FETCHED)      \
	X(TIMER)        \
	X(STORED)       \
	X(OBSERVED)

/* X(name): functions of struct skybus_host; the three for settings are one */
#define SB_ASKS(X)      \
	X(SETTING)      \
	X(LOG)          \
	X(OPEN_SESSION) \
	X(SEND_REQUEST) \
	X(FETCH)        \
	X(LISTEN)       \
	X(TIMER_START)  \
	X(TIMER_STOP)   \
	X(ONLINE)       \
	X(FAILED)       \
	X(DELIVER)      \
	X(STORE_GET)    \
	X(STORE_PUT)    \
	X(STORE_REMOVE) \
	X(OBSERVE)      \
	X(OBSERVE_STOP)

/** What each packet begins with. */
enum sb_packet_kind {
	SB_PACKET_NONE,
#define CALL_CONSTANT(name) SB_CALL_##name,
	SB_CALLS(CALL_CONSTANT)
#undef CALL_CONSTANT
	SB_PACKET_ANSWERED,
#define ASK_CONSTANT(name) SB_ASK_##name,
	SB_ASKS(ASK_CONSTANT)
#undef ASK_CONSTANT
	SB_PACKET_RETURN,
	SB_PACKET_CANNOT, /* why the process cannot be the plugin's; it ends then */
	SB_PACKET_KINDS,
};

/** What the process is told, as arguments: its program, the version, the daemon's number, the plugin's name. */
#define SB_PROCESS_ARGUMENTS 4

/** Its descriptors. */
#define SB_PROCESS_SOCKET 3
#define SB_PROCESS_PLUGIN 4

/* ---- what plugins fill: requests and responses, as the list of what was done to them ---- */

enum sb_fill {
	SB_FILL_END,
	SB_FILL_METHOD,
	SB_FILL_PATH,
	SB_FILL_QUERY,
	SB_FILL_OPTION,
	SB_FILL_UINT,
	SB_FILL_PAYLOAD,
	SB_FILL_TOO_LARGE,
	SB_FILL_NOTE,
	SB_FILL_CODE,
	SB_FILL_BODY, /* of a response */
	SB_FILL_TOPIC,
	SB_FILLS,
};

/* ---- structs; what comes out of a packet is lent with it ---- */

void sb_pack_message(struct sb_packer *out, const struct skybus_message *message);
void sb_unpack_message(struct sb_unpacker *in, struct skybus_message *ret);
void sb_pack_reply(struct sb_packer *out, const struct skybus_reply *reply);
const struct skybus_reply *sb_reply_within(const struct skybus_reply *reply,
					   struct skybus_reply *room);
struct skybus_option *sb_unpack_reply(struct sb_unpacker *in, struct skybus_reply *ret);
void sb_pack_verdict(struct sb_packer *out, const struct skybus_verdict *verdict);
void sb_unpack_verdict(struct sb_unpacker *in, struct skybus_verdict *ret);
void sb_pack_session(struct sb_packer *out, const struct skybus_session *session);
void sb_unpack_session(struct sb_unpacker *in, struct skybus_session *ret);
void sb_pack_terms(struct sb_packer *out, const struct skybus_terms *terms);
void sb_unpack_terms(struct sb_unpacker *in, struct skybus_terms *ret);
void sb_pack_command(struct sb_packer *out, const struct skybus_command *command);
void sb_unpack_command(struct sb_unpacker *in, struct skybus_command *ret);
void sb_pack_incoming(struct sb_packer *out, const struct skybus_incoming *incoming);
void sb_unpack_incoming(struct sb_unpacker *in, struct skybus_incoming *ret);
void sb_pack_answer(struct sb_packer *out, const struct skybus_answer *answer);
void sb_unpack_answer(struct sb_unpacker *in, struct skybus_answer *ret);
void sb_pack_listen(struct sb_packer *out, const struct skybus_listen *listen);
void sb_unpack_listen(struct sb_unpacker *in, struct skybus_listen *ret);
void sb_pack_fetch(struct sb_packer *out, const struct skybus_fetch *fetch);
void sb_unpack_fetch(struct sb_unpacker *in, struct skybus_fetch *ret);
void sb_pack_fetched(struct sb_packer *out, const struct skybus_fetched *fetched);
void sb_unpack_fetched(struct sb_unpacker *in, struct skybus_fetched *ret);
