/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of an isolated plugin, shared by its parts: isolation.c (the proxy), isolation-call.c (calls on their
 * way), isolation-life.c (what becomes of the process), isolation-lent.c and isolation-fill.c (what the process asks for,
 * and has filled). Nobody else includes this.
 */
#include "daemon/isolation-codec.h"
#include "daemon/isolation-process.h"
#include "daemon/isolation.h"
#include "daemon/link-private.h"

/* Of what it says for people. */
#define SB_ISOLATION_DEVICE_MAX 256

/** struct sb_isolated_call - one that the process has not returned from; it makes them in their order */
struct sb_isolated_call {
	TAILQ_ENTRY(sb_isolated_call) entry;
	enum sb_packet_kind kind;
	struct sb_isolation_wants *wants; /* NULL when nobody waits, or nobody does any more */
	bool by_timer; /* as in struct sb_lent, when it was made */
	uint32_t code;
};

/** struct sb_isolation_wants - where what a call returns goes; NULL for what it has not */
struct sb_isolation_wants {
	struct skybus_verdict *verdict;
	struct skybus_request *request;
	struct skybus_response *response;
	int32_t result;
	bool returned;
};

/** struct sb_isolation - what attach() of the proxy returns: the state of a link's plugin */
struct sb_isolation {
	struct sb_link *link;
	const struct skybus_host *host;
	struct sb_plugin_process process;
	struct sb_watch *socket;
	struct sb_watch *end;
	struct sb_packer out;
	TAILQ_HEAD(, sb_isolated_call) calls;
	bool stalled; /* nobody waits for it now */
	bool gone; /* it ends, or has ended: nothing is sent or taken any more */
	bool lending; /* what it has asked for is being done, and it waits for the answer */
	bool refuses; /* the settings */
	struct sb_timer deadline;
	char device[SB_ISOLATION_DEVICE_MAX];
	char why[SB_LINK_REASON_MAX]; /* it was ended; "" if it ends by itself */
};

/* ---- isolation-life.c ---- */

void sb_isolation_init(struct sb_isolation *isolation, struct sb_link *link);
int sb_isolation_start(struct sb_isolation *isolation);
void sb_isolation_end(struct sb_isolation *isolation);
const char *sb_isolation_plugin(const struct sb_isolation *isolation);
const char *sb_isolation_where(const struct sb_isolation *isolation);
unsigned int sb_isolation_deadline_s(const struct sb_isolation *isolation);
void sb_isolation_let_go(struct sb_isolation *isolation);
__attribute__((format(printf, 2, 3))) void sb_isolation_break(struct sb_isolation *isolation,
							      const char *format, ...);
void sb_isolation_break_rules(struct sb_isolation *isolation);
void sb_isolation_refuse(struct sb_isolation *isolation, const char *reason);

/* ---- isolation-call.c ---- */

struct sb_packer *sb_isolation_begin(struct sb_isolation *isolation, enum sb_packet_kind kind);
bool sb_isolation_send(struct sb_isolation *isolation);
bool sb_isolation_ask(struct sb_isolation *isolation, enum sb_packet_kind kind,
		      struct sb_isolation_wants *wants, uint64_t patience_ms);
void sb_isolation_tell(struct sb_isolation *isolation, enum sb_packet_kind kind);
void sb_isolation_tell_later(struct sb_isolation *isolation, enum sb_packet_kind kind);
void sb_isolation_on_socket(void *userdata, uint32_t events);

/* ---- isolation-fill.c, isolation-lent.c ---- */

bool sb_isolation_fill(const struct skybus_host *host, struct sb_unpacker *in,
		       const struct sb_isolation_wants *wants);
bool sb_isolation_lend(struct sb_isolation *isolation, enum sb_packet_kind kind,
		       struct sb_unpacker *in);
void sb_isolation_clean(char *text);
