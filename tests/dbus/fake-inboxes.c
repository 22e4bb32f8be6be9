/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "skybus/plugin.h"
#include "tests/dbus/client.h"
#include "tests/dbus/fake-inboxes.h"

static bool has_job(void *userdata)
{
	const struct sb_inboxes *all = userdata;

	return all->n_jobs > 0;
}

/* The oldest, when something was asked. */
struct fake_inbox_job fake_inboxes_wait_job(struct sb_loop *loop, struct sb_inboxes *all)
{
	struct fake_inbox_job first;

	assert_true(loop_until(loop, has_job, all));
	first = all->jobs[0];
	memmove(all->jobs, all->jobs + 1, --all->n_jobs * sizeof(all->jobs[0]));

	return first;
}

int fake_inbox_deliver(struct sb_inbox *inbox, uint64_t message, bool redelivered,
		       int64_t answer_by_ms)
{
	const struct sb_delivery delivery = {
		.message = message,
		.link = inbox->link,
		.topic = "cmd/light",
		.payload = (const uint8_t *)"on",
		.payload_len = 2,
		.content_format = SKYBUS_NO_FORMAT,
		.answer_by_ms = answer_by_ms,
	};

	assert_non_null(inbox->consumer);

	return inbox->consumer->deliver(inbox->userdata, &delivery, redelivered);
}

void fake_inbox_end(struct sb_inbox *inbox, enum sb_inbox_end why)
{
	const struct sb_inbox_consumer *consumer = inbox->consumer;

	inbox->consumer = NULL;
	consumer->ended(inbox->userdata, why);
}

/* ---- what dbus/ calls ------------------------------------------------------------------------ */

/* One set a process. */
static struct sb_inboxes *the_set;

static int ask(struct sb_inboxes *all, const struct fake_inbox_job *job, struct sb_error *ret_error)
{
	if (all->refusal)
		return sb_error_set(ret_error, SB_ERROR_QUEUE_FULL, "%s", all->refusal);
	if (all->n_jobs == FAKE_INBOXES_MAX)
		abort();
	all->jobs[all->n_jobs++] = *job;

	return 0;
}

static struct sb_inbox *find(struct sb_inboxes *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->all[i].name, name) == 0)
			return &all->all[i];

	return NULL;
}

int sb_inboxes_open(struct sb_inboxes *all, const struct sb_inbox_wish *wish,
		    sb_inbox_opened_fn *done, void *userdata, struct sb_error *ret_error)
{
	struct fake_inbox_job job = { .inbox = find(all, wish->name),
				      .opened = done,
				      .userdata = userdata };

	(void)snprintf(job.text, sizeof(job.text), "open %u %s %s %u %s", wish->owner, wish->name,
		       wish->interest.filter, wish->interest.origins,
		       wish->interest.answers ? "yes" : "no");
	the_set = all;
	if (!job.inbox) {
		if (all->n == FAKE_INBOXES_MAX)
			abort();
		job.inbox = &all->all[all->n++];
		(void)snprintf(job.inbox->name, sizeof(job.inbox->name), "%s", wish->name);
		(void)snprintf(job.inbox->link, sizeof(job.inbox->link), "%s", wish->interest.link);
		(void)snprintf(job.inbox->filter, sizeof(job.inbox->filter), "%s",
			       wish->interest.filter);
		job.inbox->owner = wish->owner;
	}
	job.inbox->answers = wish->interest.answers;

	return ask(all, &job, ret_error);
}

int sb_inboxes_forget(struct sb_inboxes *all, const struct sb_inbox_wish *wish,
		      sb_inbox_forgotten_fn *done, void *userdata, struct sb_error *ret_error)
{
	struct fake_inbox_job job = { .inbox = find(all, wish->name),
				      .forgotten = done,
				      .userdata = userdata };

	(void)snprintf(job.text, sizeof(job.text), "forget %u %s", wish->owner, wish->name);

	return ask(all, &job, ret_error);
}

const char *sb_inboxes_filter(const struct sb_inboxes *all, const struct sb_inbox_wish *wish)
{
	const struct sb_inbox *inbox = find((struct sb_inboxes *)all, wish->name);

	return inbox ? inbox->filter : NULL;
}

void sb_inboxes_each(const struct sb_inboxes *all, sb_inbox_status_fn *each, void *userdata)
{
	for (size_t i = 0; i < all->n; i++) {
		struct sb_inbox_status status;

		sb_inbox_status(&all->all[i], &status);
		each(userdata, &status);
	}
}

void sb_inbox_attach(struct sb_inbox *inbox, const struct sb_inbox_consumer *consumer,
		     void *userdata)
{
	if (inbox->consumer)
		fake_inbox_end(inbox, SB_INBOX_TAKEN_OVER);
	inbox->consumer = consumer;
	inbox->userdata = userdata;
	inbox->n_attached++;
}

void sb_inbox_detach(struct sb_inbox *inbox)
{
	inbox->consumer = NULL;
}

int sb_inbox_acknowledge(struct sb_inbox *inbox, uint64_t message, sb_store_done_fn *done,
			 void *userdata, struct sb_error *ret_error)
{
	struct fake_inbox_job job = { .inbox = inbox, .acknowledged = done, .userdata = userdata };

	(void)snprintf(job.text, sizeof(job.text), "acknowledge %s %llu", inbox->name,
		       (unsigned long long)message);

	return ask(the_set, &job, ret_error);
}

void sb_inbox_status(const struct sb_inbox *inbox, struct sb_inbox_status *ret)
{
	*ret = (struct sb_inbox_status){
		.link = inbox->link,
		.owner = inbox->owner,
		.name = inbox->name,
		.filter = inbox->filter,
		.messages = 3,
		.bytes = 20,
		.lost = 1,
		.attached = inbox->consumer != NULL,
	};
}

bool sb_inbox_answers(const struct sb_inbox *inbox)
{
	return inbox->answers;
}

bool sb_inbox_takes(const struct sb_inbox *inbox, const struct sb_delivery *delivery)
{
	(void)delivery;

	return inbox->takes;
}
