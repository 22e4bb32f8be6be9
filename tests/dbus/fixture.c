/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

int fixture_setup(void **state)
{
	struct fixture *f = *state;
	struct sb_bus_options options = { .address = private_bus_address(f->private_bus) };

	if (sb_loop_new_virtual(&f->loop) < 0)
		return -1;
	f->gateway = fake_gateway_new(f->loop);
	f->plant = fake_link_add(f->gateway, "plant");
	if (sb_bus_new(&options, f->gateway, &f->bus) < 0)
		return -1;
	f->app = client_new(f->loop, options.address);
	f->other = client_new(f->loop, options.address);

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

void fixture_assert_error(sd_bus_message *reply, const char *name, const char *part_of_sentence)
{
	const sd_bus_error *error;

	assert_non_null(reply);
	error = sd_bus_message_get_error(reply);
	assert_non_null(error);
	assert_string_equal(error->name, name);
	assert_non_null(strstr(error->message, part_of_sentence));
}
