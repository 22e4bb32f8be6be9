/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Streams over real sockets, with apps at their other ends. The loop is virtual, the hub is real; the link is
 * a fake one, which publishes when the test says so. Include <cmocka.h> before.
 */
#include <stdbool.h>

#include "daemon/streams.h"

#define STREAM_OWNER 1234

/** struct stream_job - what the link was asked and has not answered */
struct stream_job {
	TAILQ_ENTRY(stream_job) entry;
	struct sb_message *message; /* of an answer too; its topic is the answer's code */
	uint64_t command; /* that is answered; 0 for a message */
	sb_published_fn *done;
	void *userdata;
};

/** struct sb_link - a link that does what the test says */
struct sb_link {
	const char *name;
	const char *refusal; /* sb_link_…() fail with QueueFull and this */
	const char *command_topic; /* of whichever command is answered; NULL: none waits */
	TAILQ_HEAD(, stream_job) jobs;
	size_t n_jobs;
};

struct stream_fixture {
	struct sb_loop *loop;
	struct sb_hub *hub;
	struct sb_link link;
	struct sb_link other_link;
	struct sb_streams streams;
	uint64_t last_ticket;
	uint8_t frame[SB_FRAME_MAX + 1]; /* that an app has read last, and a zero behind it */
	size_t frame_len;
};

int stream_fixture_setup(void **state);
int stream_fixture_teardown(void **state);
void stream_run(struct stream_fixture *f);

int app_open_with(struct stream_fixture *f, const struct sb_stream_terms *terms);
int app_open(struct stream_fixture *f, const char *filter, bool answers);
struct sb_stream *stream_last(struct stream_fixture *f);

bool app_send(int fd, const void *bytes, size_t len);
bool app_publish(int fd, uint64_t tag, const char *topic, size_t payload_len);
void app_answer(int fd, uint64_t message, const char *code, const char *text);
bool app_receive(struct stream_fixture *f, int fd);
void app_expect(struct stream_fixture *f, int fd, enum sb_frame_type type);
void app_expect_nothing(struct stream_fixture *f, int fd);
void app_expect_closed(struct stream_fixture *f, int fd, const char *error, const char *part);
uint64_t app_number(const struct stream_fixture *f, size_t at);
void app_expect_error(const struct stream_fixture *f, size_t at, const char *error,
		      const char *part);

void stream_store(struct stream_fixture *f, size_t n);
void stream_refuse(struct stream_fixture *f, enum sb_error_code code, const char *text);
void stream_settle(struct stream_fixture *f, const char *sender, uint64_t ticket);
uint64_t stream_deliver(struct stream_fixture *f, enum sb_origin origin, size_t payload_len);
