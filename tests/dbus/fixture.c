/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/dbus/fixture.h"

int fixture_group_setup(void **state)
{
	static struct fixture fixture;

	fixture.private_bus = private_bus_start(PRIVATE_BUS_OPEN);
	*state = &fixture;

	return fixture.private_bus ? 0 : -1;
}

int fixture_group_teardown(void **state)
{
	struct fixture *f = *state;

	f->private_bus = private_bus_stop(f->private_bus);

	return 0;
}

/* What the daemon's side of the bus works with, but the links. */
int fixture_prepare(struct fixture *f)
{
	static const struct sb_caller_limits limits = {
		.messages_per_second = 100000,
		.bytes_per_second = 1 << 30,
		.subscriptions = FIXTURE_SUBSCRIPTIONS,
		.streams = 16,
	};
	struct sb_rules *rules;

	if (sb_loop_new_virtual(&f->loop) < 0 || sb_rules_new_built_in(&rules) < 0 ||
	    sb_access_new(rules, geteuid(), &f->access) < 0)
		return -1;
	(void)sb_rules_unref(rules);
	sb_rates_init(&f->rates, f->loop, &limits);
	f->gateway = fake_gateway_new(f->loop);

	return 0;
}

struct sb_bus_options fixture_bus_options(struct fixture *f)
{
	return (struct sb_bus_options){
		.address = private_bus_address(f->private_bus),
	};
}

struct sb_bus_host fixture_bus_host(struct fixture *f)
{
	return (struct sb_bus_host){
		.gateway = f->gateway,
		.access = f->access,
		.rates = &f->rates,
		.reload = &f->gateway->reload,
	};
}

/* From now on these are the rules; what they own is given away. */
void fixture_rules(struct fixture *f, struct sb_rule *all, size_t n)
{
	struct sb_rules *rules;

	assert_int_equal(sb_rules_new(&rules), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(sb_rules_add(rules, &all[i]), 0);
	sb_access_replace(f->access, rules);
	(void)sb_rules_unref(rules);
}

/* The daemon, with a link. */
int fixture_start(struct fixture *f)
{
	const struct sb_bus_options options = fixture_bus_options(f);
	const struct sb_bus_host host = fixture_bus_host(f);

	f->plant = fake_link_add(f->gateway, "plant");

	return sb_bus_new(&options, &host, &f->bus);
}

int fixture_setup(void **state)
{
	struct fixture *f = *state;
	const char *address;

	if (fixture_prepare(f) < 0 || fixture_start(f) < 0)
		return -1;
	address = private_bus_address(f->private_bus);
	f->app = client_new(f->loop, address);
	f->other = client_new(f->loop, address);

	return f->app && f->other ? 0 : -1;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	if (f->private_bus)
		private_bus_resume(f->private_bus);
	client_call_done(&f->call);
	client_call_done(&f->call2);
	f->app = client_free(f->app);
	f->other = client_free(f->other);
	f->bus = sb_bus_free(f->bus);
	sb_rates_done(&f->rates);
	f->access = sb_access_free(f->access);
	f->gateway = fake_gateway_free(f->gateway);
	f->message = sb_message_free(f->message);
	f->loop = sb_loop_free(f->loop);

	return 0;
}

static bool link_has_job(void *userdata)
{
	const struct sb_link *link = userdata;

	return link->n_jobs > 0;
}

/* What a link was asked, when it was asked; its message is freed at the end of the test. */
struct fake_job fixture_wait_job(struct fixture *f, struct sb_link *link)
{
	struct fake_job job;

	assert_true(loop_until(f->loop, link_has_job, link));
	job = fake_link_take_job(link);
	(void)sb_message_free(f->message);
	f->message = job.message;

	return job;
}

static bool outbox_has_job(void *userdata)
{
	const struct sb_gateway *gateway = userdata;

	return gateway->outbox.n_jobs > 0;
}

struct fake_job fixture_wait_outbox(struct fixture *f)
{
	assert_true(loop_until(f->loop, outbox_has_job, f->gateway));

	return fake_outbox_take_job(f->gateway);
}

/* The daemon gets what the apps have sent so far, and no answer until private_bus_resume(). */
void fixture_hold_bus(struct fixture *f)
{
	client_flush(f->app);
	client_flush(f->other);
	private_bus_pause(f->private_bus);
	loop_settle_down(f->loop);
}

/* As which the daemon knows a client that calls over its connection of that number; until the next call. */
const char *fixture_sender(const struct client *client, unsigned int epoch)
{
	static char sender[64];

	(void)snprintf(sender, sizeof(sender), "%s@%u", client_name(client), epoch);

	return sender;
}

void fixture_assert_error(sd_bus_message *reply, const char *name, const char *part_of_sentence)
{
	const sd_bus_error *error;

	assert_non_null(reply);
	error = sd_bus_message_get_error(reply);
	assert_non_null(error);
	assert_string_equal(error->name, name);
	assert_non_null(strstr(error->message, part_of_sentence));
}
