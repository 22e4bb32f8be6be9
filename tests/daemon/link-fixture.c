/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/log.h"
#include "tests/daemon/link-fixture.h"

#define MESSAGE_TOPIC "t"

__attribute__((format(printf, 3, 4))) static void gather(char *text, size_t size,
							 const char *format, ...)
{
	size_t len = strlen(text);
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text + len, size - len, format, args);
	va_end(args);
	assert_true(n >= 0 && (size_t)n < size - len);
}

static void on_settled(void *userdata, const struct sb_settled *settled)
{
	struct link_fixture *f = userdata;
	const struct sb_settlement *end = &settled->settlement;

	gather(f->settled, sizeof(f->settled), "%u:%s:%s:%s ", (unsigned int)end->ticket,
	       sb_outcome_word(end->outcome), end->code, end->reason);
	gather(f->causes, sizeof(f->causes), "%u:%s ", (unsigned int)end->ticket,
	       sb_cause_word(end->cause));
}

static int64_t boot_ms(void *userdata)
{
	const struct link_fixture *f = userdata;

	return (int64_t)((sb_loop_now(f->parts.loop) - f->booted_at) / SB_USEC_PER_MSEC);
}

static int64_t wall_ms(void *userdata)
{
	const struct link_fixture *f = userdata;

	return f->wall_ms + (int64_t)(sb_loop_now(f->parts.loop) / SB_USEC_PER_MSEC);
}

static bool synchronised(void *userdata)
{
	const struct link_fixture *f = userdata;

	return f->wall_ms > 0;
}

static void open_clock(struct link_fixture *f)
{
	char boot_id[16];
	struct sb_clock_source source = {
		.boot_ms = boot_ms,
		.wall_ms = wall_ms,
		.synchronised = synchronised,
		.boot_id = boot_id,
		.userdata = f,
	};

	(void)snprintf(boot_id, sizeof(boot_id), "boot-%u", f->boot);
	assert_int_equal(sb_clock_new(f->parts.loop, f->parts.store, &source, &f->parts.clock), 0);
}

static void open_parts(struct link_fixture *f)
{
	static const struct sb_store_options options = {
		.sync = SB_SYNC_NORMAL,
		.tickets_kept = 10000,
		.letters_kept = 1000,
	};
	static const struct sb_account_limits limits = {
		.messages = 100000,
		.bytes = 64 * 1024 * 1024,
	};

	assert_int_equal(sb_store_open(f->parts.loop, f->scratch.path, &options, &f->parts.store),
			 0);
	open_clock(f);
	assert_int_equal(sb_outbox_new(f->parts.store, f->parts.clock, &limits, &f->parts.outbox),
			 0);
	sb_outbox_listen(f->parts.outbox, on_settled, f);
}

static void close_parts(struct link_fixture *f)
{
	f->parts.outbox = sb_outbox_free(f->parts.outbox);
	f->parts.clock = sb_clock_free(f->parts.clock);
	f->parts.store = sb_store_close(f->parts.store);
}

/* Without a link: some tests want their own settings. */
int link_fixture_setup(void **state)
{
	struct link_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	sb_log_set_level(LOG_EMERG);
	script_reset();
	fake_network_reset();
	fake_web_reset();
	fake_listening_reset();
	fake_way_reset();
	fake_netlink_reset();
	scratch_init(&f->scratch);
	assert_int_equal(sb_loop_new_virtual(&f->parts.loop), 0);
	assert_int_equal(sb_hub_new(&f->parts.hub), 0);
	f->parts.https = fake_https();
	sb_pace_init(&f->pace, f->parts.loop);
	f->parts.pace = &f->pace;
	assert_int_equal(sb_netwatch_new(f->parts.loop, &f->netwatch), 0);
	f->parts.netwatch = f->netwatch;
	f->boot = 1;
	f->wall_ms = SB_CLOCK_PLAUSIBLE_MS;
	open_parts(f);
	*state = f;

	return 0;
}

int link_fixture_teardown(void **state)
{
	struct link_fixture *f = *state;

	link_unmake(f);
	close_parts(f);
	(void)sb_hub_free(f->parts.hub);
	(void)sb_netwatch_free(f->netwatch);
	sb_pace_done(&f->pace);
	(void)sb_loop_free(f->parts.loop);
	scratch_done(&f->scratch);
	free(f);

	return 0;
}

/* @settings: keys and values in turn, then NULL; or NULL for none. */
struct sb_link_config *link_config(const char *name, const char *const *settings)
{
	struct sb_link_config *config = calloc(1, sizeof(*config));
	const struct sb_place place = { .file = "test" };
	struct sb_problems problems = { 0 };

	assert_non_null(config);
	config->name = strdup(name);
	config->plugin = strdup("script");
	config->loaded = &script_plugin;
	assert_int_equal(sb_settings_new(sb_link_table, sb_link_table_rows, &config->common), 0);
	assert_int_equal(sb_settings_new(script_plugin.descriptor->settings,
					 script_plugin.descriptor->n_settings, &config->own),
			 0);
	for (; settings && *settings; settings += 2)
		assert_int_equal(sb_settings_set(config->common, settings[0], settings[1], &place,
						 &problems),
				 0);

	return config;
}

static void on_changed(void *userdata, struct sb_link *link, uint32_t what)
{
	struct link_fixture *f = userdata;
	struct sb_link_status status;

	if (what & SB_LINK_CHANGED_NUMBERS)
		f->numbers++;
	if (!(what & SB_LINK_CHANGED_STATE))
		return;
	sb_link_status(link, &status);
	gather(f->states, sizeof(f->states), "%s ", status.state_word);
}

void link_make_of(struct link_fixture *f, struct sb_link_config *config)
{
	f->pace.free_at = 0;
	assert_int_equal(sb_link_new(&f->parts, config, on_changed, f, &f->link), 0);
}

void link_make(struct link_fixture *f, const char *const *settings)
{
	link_make_of(f, link_config("plant", settings));
}

void link_unmake(struct link_fixture *f)
{
	f->link = sb_link_free(f->link);
	assert_int_equal(script.attached, 0);
}

/* What is on disk is closed and opened, without a link. */
void link_fixture_reopen(struct link_fixture *f)
{
	close_parts(f);
	open_parts(f);
}

/* The daemon ends and begins anew. */
void link_restart(struct link_fixture *f)
{
	link_unmake(f);
	link_fixture_reopen(f);
	link_make(f, NULL);
	sb_link_start(f->link);
}

/* And the box with it, in no time. */
void link_reboot(struct link_fixture *f)
{
	link_unmake(f);
	close_parts(f);
	f->boot++;
	f->booted_at = sb_loop_now(f->parts.loop);
	open_parts(f);
	link_make(f, NULL);
	sb_link_start(f->link);
}

/* Until the disk and the tasks have nothing more to do. */
void link_run(struct link_fixture *f)
{
	for (unsigned int i = 0; i < 4; i++) {
		sb_store_drain(f->parts.store);
		sb_loop_advance(f->parts.loop, 1);
	}
}

void link_pass(struct link_fixture *f, uint64_t usec)
{
	link_run(f);
	sb_loop_advance(f->parts.loop, usec);
	link_run(f);
}

/* From its being about to log in to its being online. */
void link_come_up(struct link_fixture *f)
{
	link_pass(f, SB_PACE_USEC); /* it may have logged in just before */
	fake_connecting();
	fake_open();
	link_answer(f, "/login", SKYBUS_CODE(2, 4));
	link_expect_state(f, SB_LINK_ONLINE);
}

void link_bring_up(struct link_fixture *f)
{
	sb_link_start(f->link);
	link_come_up(f);
	fake_network.sent[0] = '\0';
}

static void on_published(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	struct link_fixture *f = userdata;

	assert_null(error);
	gather(f->published, sizeof(f->published), "%u ", (unsigned int)ticket);
}

void link_publish(struct link_fixture *f, const char *payload)
{
	struct sb_message *message =
		sb_message_new(MESSAGE_TOPIC, payload, strlen(payload), ":1.7");

	assert_non_null(message);
	assert_int_equal(sb_link_publish(f->link, message, on_published, f, &f->error), 0);
	link_run(f);
}

/* Messages "m@first" to "m@last". */
void link_publish_many(struct link_fixture *f, unsigned int first, unsigned int last)
{
	char payload[16];

	for (unsigned int i = first; i <= last; i++) {
		(void)snprintf(payload, sizeof(payload), "m%u", i);
		link_publish(f, payload);
	}
}

static void on_requested(void *userdata, const struct skybus_reply *reply,
			 const struct sb_error *error)
{
	struct link_fixture *f = userdata;

	if (reply)
		gather(f->requested, sizeof(f->requested), "%u.%02u ",
		       SKYBUS_CODE_CLASS(reply->code), reply->code & 31);
	else
		gather(f->requested, sizeof(f->requested), "%s ", sb_error_name(error->code));
	if (error)
		f->error = *error;
}

int link_request(struct link_fixture *f, const char *payload, uint64_t timeout_usec)
{
	struct sb_message *message = sb_message_new(MESSAGE_TOPIC, payload, strlen(payload), NULL);
	int r;

	assert_non_null(message);
	r = sb_link_request(f->link, message, timeout_usec, on_requested, f, &f->error);
	if (r < 0)
		(void)sb_message_free(message);
	link_run(f);

	return r;
}

const struct sb_link_status *link_status(struct link_fixture *f)
{
	sb_link_status(f->link, &f->status);

	return &f->status;
}

void link_expect_state(struct link_fixture *f, enum sb_link_state state)
{
	const struct sb_link_status *status = link_status(f);

	if (status->state != state)
		fail_msg("the link is %s: %s", status->state_word, status->state_reason);
}

void link_expect_reason(struct link_fixture *f, const char *part)
{
	const char *reason = link_status(f)->state_reason;

	if (!strstr(reason, part))
		fail_msg("\"%s\" is not in \"%s\"", part, reason);
}

/* Since this was asked last. */
void link_expect_sent(const char *sent)
{
	assert_string_equal(fake_network.sent, sent);
	fake_network.sent[0] = '\0';
}

/* The request with that payload, or with that path. */
struct fake_request *link_find_request(const char *payload)
{
	struct fake_request *request;

	TAILQ_FOREACH(request, &fake_network.requests, entry)
		if (strcmp(request->payload, payload) == 0 || strcmp(request->path, payload) == 0)
			return request;
	fail_msg("%s is not under way", payload);

	return NULL;
}

void link_answer(struct link_fixture *f, const char *payload, uint32_t code)
{
	fake_answer(link_find_request(payload), code);
	link_run(f);
}

/* What was sent first. */
void link_answer_first(struct link_fixture *f, uint32_t code)
{
	fake_answer(fake_request_at(0), code);
	link_run(f);
}

/* And what is sent meanwhile, until nothing is under way. */
void link_answer_all(struct link_fixture *f, uint32_t code)
{
	while (fake_requests() > 0) {
		fake_answer(fake_request_at(0), code);
		link_run(f);
	}
}

/* Answers enough messages for the window to be as large. */
void link_widen(struct link_fixture *f, unsigned int window)
{
	unsigned int n = window * (window - 1) / 2;

	link_publish_many(f, 1, n);
	link_answer_all(f, SKYBUS_CODE(2, 4));
	assert_int_equal(link_status(f)->queue.queued, 0);
	f->settled[0] = '\0';
	f->published[0] = '\0';
	fake_network.sent[0] = '\0';
}

/* By this way every packet leaves from now on; that of the next session, too. */
void link_set_way(const char *from, const char *name)
{
	fake_way_set(from, name);
	fake_network.local.sin_addr.s_addr = inet_addr(from);
}

void link_tell_network(struct link_fixture *f)
{
	sb_link_on_network(f->link);
}

void link_change_way(struct link_fixture *f, const char *from, const char *name)
{
	link_set_way(from, name);
	link_tell_network(f);
}

void link_lose_way(struct link_fixture *f, int error)
{
	fake_way_none(error);
	link_tell_network(f);
}

/* If a login is to begin at once it has begun after this. */
void link_settle(struct link_fixture *f)
{
	link_pass(f, SB_PACE_USEC);
}

/* Seconds, as the sentence has it. */
unsigned int link_announced_delay(struct link_fixture *f)
{
	const char *in = strstr(link_status(f)->state_reason, "next attempt in ");

	assert_non_null(in);

	return (unsigned int)strtoul(in + strlen("next attempt in "), NULL, 10);
}
