/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/store.h"
#include "skybus/plugin.h"
#include "tests/daemon/inbox-fixture.h"

#define OWNER 1000

static void open_all(struct inbox_fixture *f)
{
	static const struct sb_store_options options = {
		.sync = SB_SYNC_NORMAL,
		.tickets_kept = 10000,
		.letters_kept = 1000,
	};

	assert_int_equal(sb_hub_new(&f->hub), 0);
	assert_int_equal(sb_store_open(f->loop, f->scratch.path, &options, &f->store), 0);
	assert_int_equal(sb_inboxes_new(f->store, f->hub, &f->limits, &f->all), 0);
}

static void leave(struct inbox_consumer *consumer)
{
	if (consumer->inbox)
		sb_inbox_detach(SB_STEAL(consumer->inbox));
}

static void close_all(struct inbox_fixture *f)
{
	leave(&f->app);
	leave(&f->other);
	f->all = sb_inboxes_free(f->all);
	f->store = sb_store_close(f->store);
	f->hub = sb_hub_free(f->hub);
}

int inbox_fixture_setup(void **state)
{
	struct inbox_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	sb_log_set_level(LOG_EMERG);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)getrlimit(RLIMIT_FSIZE, &f->file_size);
	scratch_init(&f->scratch);
	f->limits = (struct sb_inbox_limits){
		.messages = 1000,
		.bytes = 16 * 1024 * 1024,
		.per_user = 4,
		.ack_timeout_usec = 60 * SB_USEC_PER_SEC,
	};
	f->app.ended = f->other.ended = -1;
	assert_int_equal(sb_loop_new_virtual(&f->loop), 0);
	open_all(f);
	*state = f;

	return 0;
}

int inbox_fixture_teardown(void **state)
{
	struct inbox_fixture *f = *state;

	inbox_disk_is_full(f, false);
	close_all(f);
	(void)sb_loop_free(f->loop);
	scratch_done(&f->scratch);
	free(f);

	return 0;
}

/* All that was handed over is on disk, and so is what that has led to. */
void inbox_settle(struct inbox_fixture *f)
{
	for (int i = 0; i < 6; i++) {
		sb_store_drain(f->store);
		sb_loop_advance(f->loop, 0);
	}
}

void inbox_pass(struct inbox_fixture *f, uint64_t usec)
{
	sb_loop_advance(f->loop, usec);
	inbox_settle(f);
}

void inbox_restart(struct inbox_fixture *f)
{
	close_all(f);
	f->app = f->other = (struct inbox_consumer){ .ended = -1 };
	open_all(f);
}

void inbox_disk_is_full(const struct inbox_fixture *f, bool full)
{
	struct rlimit limit = f->file_size;

	if (full)
		limit.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* ---- the consumer ---- */

static int consumer_deliver(void *userdata, const struct sb_delivery *delivery, bool redelivered)
{
	struct inbox_consumer *consumer = userdata;
	size_t len = strlen(consumer->got);

	if (consumer->refusal < 0)
		return consumer->refusal;
	(void)snprintf(consumer->got + len, sizeof(consumer->got) - len, "%llu%s ",
		       (unsigned long long)delivery->message, redelivered ? "r" : "");
	consumer->last = *delivery;
	(void)snprintf(consumer->topic, sizeof(consumer->topic), "%s %s %.*s", delivery->link,
		       delivery->topic, (int)delivery->payload_len,
		       (const char *)delivery->payload);
	if (consumer->leaves)
		leave(consumer);

	return 0;
}

static void consumer_ended(void *userdata, enum sb_inbox_end why)
{
	struct inbox_consumer *consumer = userdata;

	consumer->inbox = NULL;
	consumer->ended = (int)why;
}

static const struct sb_inbox_consumer consumer_calls = { consumer_deliver, consumer_ended };

void inbox_expect(struct inbox_consumer *consumer, const char *got)
{
	assert_string_equal(consumer->got, got);
	consumer->got[0] = '\0';
}

/* ---- inboxes ---- */

struct opened {
	struct sb_inbox *inbox;
	bool told;
	struct sb_error *error;
};

static void note_opened(void *userdata, struct sb_inbox *inbox, const struct sb_error *error)
{
	struct opened *opened = userdata;

	assert_true((inbox == NULL) == (error != NULL));
	opened->told = true;
	opened->inbox = inbox;
	if (error)
		*opened->error = *error;
}

static struct sb_inbox_wish wish_for(const char *name, const char *filter)
{
	return (struct sb_inbox_wish){
		.interest = { .link = "plant",
			      .filter = filter,
			      .origins = SB_FROM_CLOUD | SB_FROM_LOCAL },
		.owner = OWNER,
		.name = name,
	};
}

/* NULL when it cannot be, and @f->error says why. */
struct sb_inbox *inbox_open(struct inbox_fixture *f, const char *name, const char *filter)
{
	const struct sb_inbox_wish wish = wish_for(name, filter);
	struct opened opened = { .error = &f->error };

	if (sb_inboxes_open(f->all, &wish, note_opened, &opened, &f->error) < 0)
		return NULL;
	assert_false(opened.told);
	inbox_settle(f);
	assert_true(opened.told);

	return opened.inbox;
}

/* Not settled. */
void inbox_attach_to(struct inbox_consumer *consumer, struct sb_inbox *inbox)
{
	assert_non_null(inbox);
	consumer->inbox = inbox;
	sb_inbox_attach(inbox, &consumer_calls, consumer);
	assert_string_equal(consumer->got, "");
}

/* It is opened for "#". */
void inbox_attach(struct inbox_fixture *f, struct inbox_consumer *consumer, const char *name)
{
	inbox_attach_to(consumer, inbox_open(f, name, "#"));
	inbox_settle(f);
}

static void note_forgotten(void *userdata, const struct sb_error *error)
{
	int *told = userdata;

	*told = error ? (int)error->code : -1;
}

void inbox_forget(struct inbox_fixture *f, const char *name)
{
	const struct sb_inbox_wish wish = wish_for(name, "");
	int told = 0;

	assert_int_equal(sb_inboxes_forget(f->all, &wish, note_forgotten, &told, &f->error), 0);
	assert_int_equal(told, 0);
	inbox_settle(f);
	assert_int_equal(told, -1);
}

/* Not settled. */
uint64_t inbox_deliver(struct inbox_fixture *f, const char *topic, struct sb_landing *landing)
{
	struct sb_delivery delivery = {
		.link = "plant",
		.topic = topic,
		.payload = (const uint8_t *)"on",
		.payload_len = 2,
		.content_format = SKYBUS_FORMAT_JSON,
		.landing = landing,
	};

	(void)sb_hub_deliver(f->hub, &delivery);

	return delivery.message;
}

/* Not settled. */
void inbox_deliver_many(struct inbox_fixture *f, unsigned int n, size_t payload_len)
{
	static const uint8_t payload[SB_PAYLOAD_MAX];
	struct sb_delivery delivery = {
		.link = "plant",
		.topic = "t",
		.payload = payload,
		.payload_len = payload_len,
		.content_format = SKYBUS_NO_FORMAT,
	};

	assert_true(payload_len <= sizeof(payload));
	while (n-- > 0)
		(void)sb_hub_deliver(f->hub, &delivery);
}

static void note_acked(void *userdata, int error)
{
	struct inbox_fixture *f = userdata;
	size_t len = strlen(f->acked);

	(void)snprintf(f->acked + len, sizeof(f->acked) - len, "%d ", error);
}

/* Not settled. */
void inbox_ack(struct inbox_fixture *f, struct inbox_consumer *consumer, uint64_t message)
{
	assert_int_equal(sb_inbox_acknowledge(consumer->inbox, message, note_acked, f, &f->error),
			 0);
}

static void note_losses(void *userdata, int error, const struct sb_loss *losses, size_t n)
{
	struct inbox_fixture *f = userdata;
	size_t len = 0;

	assert_int_equal(error, 0);
	f->losses[0] = '\0';
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(f->losses + len, sizeof(f->losses) - len, "%s %u %s %llu, ",
					losses[i].link, losses[i].owner,
					sb_cause_word(losses[i].cause),
					(unsigned long long)losses[i].messages);
}

const char *inbox_losses(struct inbox_fixture *f)
{
	assert_int_equal(sb_store_losses(f->store, note_losses, f), 0);
	inbox_settle(f);

	return f->losses;
}

static void note_status(void *userdata, const struct sb_inbox_status *status)
{
	struct inbox_fixture *f = userdata;
	size_t len = strlen(f->listed);

	(void)snprintf(f->listed + len, sizeof(f->listed) - len, "%s %u %s %s %llu %llu %llu%s, ",
		       status->link, status->owner, status->name, status->filter,
		       (unsigned long long)status->messages, (unsigned long long)status->bytes,
		       (unsigned long long)status->lost, status->attached ? " attached" : "");
}

const char *inbox_list(struct inbox_fixture *f)
{
	f->listed[0] = '\0';
	sb_inboxes_each(f->all, note_status, f);

	return f->listed;
}
