/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/log.h"
#include "skybus/plugin.h"
#include "tests/daemon/stream-fixture.h"

#define PUBLISH_HEAD 24

/* ---- the link ---- */

static int add_job(struct sb_link *link, const struct stream_job *asked, struct sb_error *ret_error)
{
	struct stream_job *job;

	if (link->refusal)
		return sb_error_set(ret_error, SB_ERROR_QUEUE_FULL, "%s", link->refusal);
	job = malloc(sizeof(*job));
	assert_non_null(job);
	*job = *asked;
	TAILQ_INSERT_TAIL(&link->jobs, job, entry);
	link->n_jobs++;

	return 0;
}

const char *sb_link_name(const struct sb_link *link)
{
	return link->name;
}

int sb_link_publish(struct sb_link *link, struct sb_message *message, sb_published_fn *done,
		    void *userdata, struct sb_error *ret_error)
{
	const struct stream_job job = { .message = message, .done = done, .userdata = userdata };

	return add_job(link, &job, ret_error);
}

const char *sb_link_command_topic(struct sb_link *link, uint64_t message)
{
	(void)message;

	return link->command_topic;
}

int sb_link_answer(struct sb_link *link, const struct sb_answer *answer, sb_published_fn *done,
		   void *userdata, struct sb_error *ret_error)
{
	struct stream_job job = { .command = answer->message, .done = done, .userdata = userdata };

	if (!link->refusal) {
		job.message = sb_message_new(answer->code, answer->payload, answer->payload_len,
					     answer->sender);
		assert_non_null(job.message);
		job.message->owner = answer->owner;
	}

	return add_job(link, &job, ret_error);
}

static struct stream_job take_job(struct stream_fixture *f)
{
	struct stream_job *first = TAILQ_FIRST(&f->link.jobs);
	struct stream_job job;

	assert_non_null(first);
	job = *first;
	TAILQ_REMOVE(&f->link.jobs, first, entry);
	f->link.n_jobs--;
	(void)sb_message_free(job.message);
	free(first);

	return job;
}

/* The first @n that the link was asked are on disk. */
void stream_store(struct stream_fixture *f, size_t n)
{
	while (n-- > 0) {
		struct stream_job job = take_job(f);

		job.done(job.userdata, ++f->last_ticket, NULL);
	}
}

/* The first could not be stored. */
void stream_refuse(struct stream_fixture *f, enum sb_error_code code, const char *text)
{
	struct stream_job job = take_job(f);
	struct sb_error error;

	(void)sb_error_set(&error, code, "%s", text);
	job.done(job.userdata, 0, &error);
}

void stream_settle(struct stream_fixture *f, const char *sender, uint64_t ticket)
{
	const struct sb_settled settled = {
		.link = "plant",
		.sender = sender,
		.settlement = { .ticket = ticket,
				.outcome = SB_DELIVERED,
				.code = "2.04",
				.reason = "" },
	};

	assert_true(sb_streams_settled(&f->streams, &settled));
}

/* A message for the topic cmd/go; its payload is its number, and zeros. */
uint64_t stream_deliver(struct stream_fixture *f, enum sb_origin origin, size_t payload_len)
{
	uint8_t *payload = calloc(1, payload_len + 1);
	struct sb_delivery delivery = {
		.origin = origin,
		.link = "plant",
		.topic = "cmd/go",
		.payload = payload,
		.payload_len = payload_len,
		.content_format = SKYBUS_NO_FORMAT,
		.answer_by_ms = 1000,
	};

	assert_non_null(payload);
	(void)sb_hub_deliver(f->hub, &delivery);
	free(payload);

	return delivery.message;
}

/* ---- life ---- */

int stream_fixture_setup(void **state)
{
	struct stream_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	sb_log_set_level(LOG_EMERG);
	assert_int_equal(sb_loop_new_virtual(&f->loop), 0);
	assert_int_equal(sb_hub_new(&f->hub), 0);
	f->link = (struct sb_link){ .name = "plant" };
	f->other_link = (struct sb_link){ .name = "other" };
	TAILQ_INIT(&f->link.jobs);
	TAILQ_INIT(&f->other_link.jobs);
	sb_streams_init(&f->streams, f->loop, f->hub);
	*state = f;

	return 0;
}

int stream_fixture_teardown(void **state)
{
	struct stream_fixture *f = *state;

	sb_streams_done(&f->streams);
	stream_store(f, f->link.n_jobs);
	(void)sb_hub_free(f->hub);
	(void)sb_loop_free(f->loop);
	free(f);

	return 0;
}

/* Until nothing happens any more of itself. */
void stream_run(struct stream_fixture *f)
{
	while (sb_loop_turn(f->loop, 0) > 0)
		;
}

int app_open_with(struct stream_fixture *f, const struct sb_stream_terms *terms)
{
	struct sb_error why;
	int fd;

	if (sb_streams_open(&f->streams, terms, &fd, &why) < 0)
		fail_msg("%s", why.text);

	return fd;
}

/* With its HELLO read. */
int app_open(struct stream_fixture *f, const char *filter, bool answers)
{
	const struct sb_stream_terms terms = {
		.link = &f->link,
		.interest = { .link = "plant",
			      .filter = filter,
			      .origins = SB_FROM_CLOUD,
			      .answers = answers },
		.owner = STREAM_OWNER,
	};
	int fd = app_open_with(f, &terms);

	stream_run(f);
	app_expect(f, fd, SB_FRAME_HELLO);

	return fd;
}

struct sb_stream *stream_last(struct stream_fixture *f)
{
	struct sb_stream *stream;
	struct sb_stream *last = NULL;

	TAILQ_FOREACH(stream, &f->streams.all, entry)
		last = stream;

	return last;
}

/* ---- apps ---- */

/* Return: false if the socket is full. */
bool app_send(int fd, const void *bytes, size_t len)
{
	ssize_t n = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno == EAGAIN)
		return false;
	assert_int_equal(n, len);

	return true;
}

/* Likewise. The payload is zeros. */
bool app_publish(int fd, uint64_t tag, const char *topic, size_t payload_len)
{
	static uint8_t bytes[2 * SB_FRAME_MAX];
	size_t topic_len = strlen(topic);

	memset(bytes, 0, sizeof(bytes));
	bytes[0] = SB_FRAME_PUBLISH;
	bytes[1] = SB_NORMAL;
	memcpy(bytes + 8, &tag, sizeof(tag));
	memset(bytes + 16, 0xff, 4);
	bytes[20] = (uint8_t)topic_len;
	bytes[21] = (uint8_t)(topic_len >> 8);
	memcpy(bytes + PUBLISH_HEAD, topic, topic_len);

	return app_send(fd, bytes, PUBLISH_HEAD + topic_len + payload_len);
}

void app_answer(int fd, uint64_t message, const char *code, const char *text)
{
	size_t code_len = strlen(code);
	size_t text_len = strlen(text);
	uint8_t bytes[64] = { SB_FRAME_ANSWER, (uint8_t)code_len };

	memcpy(bytes + 8, &message, sizeof(message));
	memcpy(bytes + 16, code, code_len);
	memcpy(bytes + 16 + code_len, text, text_len);
	assert_true(app_send(fd, bytes, 16 + code_len + text_len));
}

/* Return: false if there is nothing, or no more to come. */
bool app_receive(struct stream_fixture *f, int fd)
{
	ssize_t len = recv(fd, f->frame, SB_FRAME_MAX, MSG_DONTWAIT);

	if (len < 0)
		assert_int_equal(errno, EAGAIN);
	f->frame_len = len > 0 ? (size_t)len : 0;
	f->frame[f->frame_len] = '\0';

	return len > 0;
}

void app_expect(struct stream_fixture *f, int fd, enum sb_frame_type type)
{
	if (!app_receive(f, fd))
		fail_msg("no frame has come, and %d should have", type);
	if (f->frame[0] != type)
		fail_msg("a frame %u has come instead of %d: %s", f->frame[0], type, f->frame + 8);
}

void app_expect_nothing(struct stream_fixture *f, int fd)
{
	stream_run(f);
	if (app_receive(f, fd))
		fail_msg("a frame %u has come", f->frame[0]);
	assert_int_equal(recv(fd, f->frame, 1, MSG_DONTWAIT), -1);
}

/* A number of 64 bits in the frame that was read last. */
uint64_t app_number(const struct stream_fixture *f, size_t at)
{
	uint64_t number;

	memcpy(&number, f->frame + at, sizeof(number));

	return number;
}

/* In the frame that was read last: an error's name at @at, and a part of the sentence behind. */
void app_expect_error(const struct stream_fixture *f, size_t at, const char *error,
		      const char *part)
{
	assert_int_equal(f->frame[1], strlen(error));
	assert_memory_equal(f->frame + at, error, strlen(error));
	if (!strstr((const char *)f->frame + at + strlen(error), part))
		fail_msg("\"%s\" is not in \"%s\"", part, f->frame + at);
}

/* CLOSED, and then the end of the socket. */
void app_expect_closed(struct stream_fixture *f, int fd, const char *error, const char *part)
{
	stream_run(f);
	app_expect(f, fd, SB_FRAME_CLOSED);
	app_expect_error(f, 8, error, part);
	assert_int_equal(recv(fd, f->frame, 1, MSG_DONTWAIT), 0);
}
