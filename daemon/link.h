/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A link: one device identity at one cloud. It owns the plugin's state, the session, the in-flight
 * window and the back-off, and drains its queue while it is online.
 *
 *            ┌──────────────── Connect, back-off over ───────────────┐
 *            ▼                                                       │
 *   disabled → starting → resolving → connecting → authenticating → online
 *                 │           │            │              │           │
 *                 └───────────┴─── fails ──┴──────────────┴───────────┤
 *                                                                     ▼
 *                                                  backoff, or failed when only a person can help
 */
#include <stdbool.h>
#include <stdint.h>

#include "daemon/config.h"
#include "daemon/error.h"
#include "daemon/histogram.h"
#include "daemon/hub.h"
#include "daemon/message.h"
#include "daemon/outbox.h"
#include "daemon/transport.h"

struct sb_attempt;
struct sb_https;
struct sb_idle;
struct sb_inboxes;
struct sb_link;
struct sb_netwatch;
struct sb_pace;
struct sb_resolver;

/* X(constant, word on the bus) */
#define SB_LINK_STATES(X)                           \
	X(SB_LINK_DISABLED, "disabled")             \
	X(SB_LINK_STARTING, "starting")             \
	X(SB_LINK_RESOLVING, "resolving")           \
	X(SB_LINK_CONNECTING, "connecting")         \
	X(SB_LINK_AUTHENTICATING, "authenticating") \
	X(SB_LINK_ONLINE, "online")                 \
	X(SB_LINK_BACKOFF, "backoff")               \
	X(SB_LINK_FAILED, "failed")

enum sb_link_state {
#define SB_LINK_STATE_CONSTANT(constant, word) constant,
	SB_LINK_STATES(SB_LINK_STATE_CONSTANT)
#undef SB_LINK_STATE_CONSTANT
};

/* X(constant, word): succeeded; not let in, or its settings are wrong; not reached, or told to come later */
#define SB_LOGIN_RESULTS(X)                \
	X(SB_LOGIN_SUCCEEDED, "succeeded") \
	X(SB_LOGIN_REFUSED, "refused")     \
	X(SB_LOGIN_FAILED, "failed")

enum sb_login_result {
#define SB_LOGIN_RESULT_CONSTANT(constant, word) constant,
	SB_LOGIN_RESULTS(SB_LOGIN_RESULT_CONSTANT)
#undef SB_LOGIN_RESULT_CONSTANT
	SB_N_LOGIN_RESULTS
};

/** struct sb_link_counts - what a link has seen since the daemon started */
struct sb_link_counts {
	struct sb_histogram round_trips; /* from sending something of an app to its answer */
	uint64_t logins[SB_N_LOGIN_RESULTS];
};

/* What changed, for sb_link_changed_fn. */
enum {
	SB_LINK_CHANGED_STATE =
		1u << 0, /* state, reason, since, session_expires, device, last_error */
	SB_LINK_CHANGED_NUMBERS = 1u << 1, /* queue and traffic; as often as messages move */
	SB_LINK_CHANGED_PLUGIN = 1u << 2, /* only when the link is replaced */
	SB_LINK_CHANGED_UP = 1u << 3, /* it came online, or has gone down */
	SB_LINK_CHANGED_ALL = SB_LINK_CHANGED_STATE | SB_LINK_CHANGED_NUMBERS |
			      SB_LINK_CHANGED_PLUGIN | SB_LINK_CHANGED_UP,
};

/** struct sb_link_status - a link as people see it; text is lent until the loop runs again */
struct sb_link_status {
	const char *name;
	const char *plugin; /* "" if the configuration names none */
	const char *device; /* what the plugin calls it; "" if unknown */
	enum sb_link_state state;
	const char *state_word;
	const char *state_reason; /* a sentence; "" when online */
	const char *last_error; /* the last reason for not being online; "" if there was none */
	int64_t since_ms; /* wall clock, milliseconds since 1970: when the state was entered */
	int64_t session_expires_ms; /* likewise; 0 for never */
	struct sb_queue_stats queue;
	struct sb_traffic traffic;
	uint64_t wire_sent; /* see daemon/wire.h */
	uint64_t wire_received;
	uint64_t wire_repeated; /* messages that were sent again */
	uint64_t budget; /* bytes on the wire; 0 for none */
	uint64_t budget_used; /* of them, in the present period */
	int64_t budget_ends_ms; /* wall clock: when that ends; 0 while that is not known */
	unsigned int window; /* how many may be in flight at a time, at present */
	struct sb_link_counts counts;
};

typedef void sb_link_changed_fn(void *userdata, struct sb_link *link, uint32_t what);

/** A request was answered, with whatever code; or @reply is NULL and @error says why not. */
typedef void sb_requested_fn(void *userdata, const struct skybus_reply *reply,
			     const struct sb_error *error);

/** struct sb_answer - what an app answers to a command; everything is lent */
struct sb_answer {
	uint64_t message; /* the number under which it got the command */
	const char *code; /* "" for success, else in the cloud's own words */
	const uint8_t *payload;
	size_t payload_len;
	const char
		*sender; /* who is told of the end of a message that carries it; NULL for nobody */
	uint32_t owner; /* of such a message: the user that answers, a uid; or SB_NO_OWNER */
};

/** struct sb_link_parts - what a link works with; all of it outlives the link */
struct sb_link_parts {
	struct sb_loop *loop;
	struct sb_transport *transport;
	struct sb_resolver *resolver;
	struct sb_https *https; /* NULL without HTTPS */
	struct sb_store *store;
	struct sb_clock *clock;
	struct sb_outbox *outbox;
	struct sb_hub *hub;
	struct sb_inboxes *inboxes; /* for the gateway; links go by the hub */
	struct sb_pace *pace;
	const char *plugin_host; /* the program for plugins in processes of their own */
	struct sb_netwatch *netwatch; /* NULL when nobody tells of changes; for the gateway */
};

int sb_link_new(const struct sb_link_parts *parts, struct sb_link_config *config,
		sb_link_changed_fn *changed, void *userdata, struct sb_link **ret);
struct sb_link *sb_link_free(struct sb_link *link);
int sb_link_new_successor(const struct sb_link *old, struct sb_link_config *config,
			  struct sb_link **ret);
void sb_link_succeed(struct sb_link *link, struct sb_link *old);
void sb_link_start(struct sb_link *link);
void sb_link_start_anew(struct sb_link *link);
bool sb_link_stop(struct sb_link *link);

const char *sb_link_state_word(enum sb_link_state state);
const char *sb_link_name(const struct sb_link *link);
const struct sb_link_config *sb_link_configuration(const struct sb_link *link);
bool sb_link_up(const struct sb_link *link);
struct sb_queue *sb_link_queue(const struct sb_link *link);
void sb_link_status(struct sb_link *link, struct sb_link_status *ret);
void sb_link_attempt(struct sb_link *link, struct sb_attempt *ret, struct sb_idle *ret_idle);

int sb_link_check_topic(const char *topic, struct sb_error *ret_error);
int sb_link_check(struct sb_link *link, struct sb_message *message, struct sb_error *ret_error);
int sb_link_publish(struct sb_link *link, struct sb_message *message, sb_published_fn *done,
		    void *userdata, struct sb_error *ret_error);
int sb_link_request(struct sb_link *link, struct sb_message *message, uint64_t timeout_usec,
		    sb_requested_fn *done, void *userdata, struct sb_error *ret_error);
const char *sb_link_command_topic(struct sb_link *link, uint64_t message);
int sb_link_answer(struct sb_link *link, const struct sb_answer *answer, sb_published_fn *done,
		   void *userdata, struct sb_error *ret_error);
int sb_link_connect(struct sb_link *link, struct sb_error *ret_error);
int sb_link_disconnect(struct sb_link *link, struct sb_error *ret_error);
void sb_link_on_network(struct sb_link *link);
int sb_link_reauthenticate(struct sb_link *link, struct sb_error *ret_error);
