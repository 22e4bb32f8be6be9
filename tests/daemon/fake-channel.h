/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Channels without a network, linked in the place of daemon/channel.c and of the part of
 * daemon/transport.c that links use: the test sees what is sent and says what comes back.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/channel.h"

/** struct fake_request - a request or a ping that has been sent and has not ended */
struct fake_request {
	TAILQ_ENTRY(fake_request) entry;
	struct sb_session *session;
	bool ping;
	bool observes;
	uint32_t method;
	char path[256];
	char payload[64];
	int content_format; /* of one byte; -1 without */
	uint64_t note;
	uint64_t timeout_usec;
	sb_reply_fn *done;
	void *userdata;
};

TAILQ_HEAD(fake_request_list, fake_request);

/** struct fake_network - what happened, and what is to happen */
struct fake_network {
	struct fake_request_list requests; /* under way, in the order of sending */
	struct sb_channel *channel; /* the newest; NULL once freed */
	unsigned int n_channels; /* that have been opened */
	struct sb_wire *wire; /* of the newest channel; the link's */
	unsigned int last_attempt;
	char last_interface[16]; /* "" for any */
	struct sockaddr_in local; /* of every new session */
	struct sockaddr_in peer; /* to which a name resolves */
	struct sb_traffic traffic; /* of every new session */
	struct sb_session_facts facts; /* of the session */
	unsigned int n_stopped; /* observations that were */
	char sent[8192]; /* all payloads, or paths where there is none, each with a space behind */
	int open_error; /* of sb_channel_open() */
	int send_error; /* of sb_session_send() */
	int ping_error;
};

extern struct fake_network fake_network;

void fake_network_reset(void);
size_t fake_requests(void);
struct fake_request *fake_request_at(size_t index);

void fake_connecting(void);
void fake_open(void);
void fake_doubt(void);
void fake_break(int error, const char *reason);

void fake_answer(struct fake_request *request, uint32_t code);
void fake_notify(struct fake_request *request, uint32_t code);
void fake_answer_later(struct fake_request *request, uint32_t code, uint32_t max_age);
void fake_end(struct fake_request *request, uint32_t outcome);
