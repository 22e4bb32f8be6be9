/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What most tests of dbus/ begin with: a private bus for the whole group, and for each test a loop
 * whose clock stands still, a fake gateway with the link "plant", the daemon's side of the bus and
 * two apps, which may do everything.
 *
 * #include <setjmp.h>, <stdarg.h>, <stddef.h>, <stdint.h> and <cmocka.h> first.
 */
#include "daemon/access.h"
#include "daemon/rate.h"
#include "daemon/rule.h"
#include "dbus/bus.h"
#include "dbus/parts.h"
#include "tests/dbus/client.h"
#include "tests/dbus/fake-gateway.h"
#include "tests/dbus/private-bus.h"

/** How many subscriptions an app may have. */
#define FIXTURE_SUBSCRIPTIONS 5

#define PLANT_PATH SB_BUS_LINKS "/plant"

struct fixture {
	struct private_bus *private_bus; /* the group's */
	struct sb_loop *loop;
	struct sb_gateway *gateway;
	struct sb_link *plant;
	struct sb_access *access;
	struct sb_rates rates;
	struct sb_bus *bus;
	struct client *app;
	struct client *other;
	struct client_call call; /* for tests that need one call, or two */
	struct client_call call2;
	struct sb_message *message; /* taken from a job, to be freed */
};

int fixture_group_setup(void **state);
int fixture_group_teardown(void **state);
int fixture_start(struct fixture *f);
int fixture_setup(void **state);
int fixture_prepare(struct fixture *f);
int fixture_teardown(void **state);

struct sb_bus_options fixture_bus_options(struct fixture *f);
struct sb_bus_host fixture_bus_host(struct fixture *f);
void fixture_rules(struct fixture *f, struct sb_rule *all, size_t n);
struct fake_job fixture_wait_job(struct fixture *f, struct sb_link *link);
struct fake_job fixture_wait_outbox(struct fixture *f);
void fixture_hold_bus(struct fixture *f);
const char *fixture_sender(const struct client *client, unsigned int epoch);

/** Call a method and wait: the reply, or an error, lent until the next call; NULL if none came. */
#define fixture_call(f, client, ...) \
	(client_begin((client), &(f)->call, __VA_ARGS__), client_end((client), &(f)->call))

void fixture_assert_error(sd_bus_message *reply, const char *name, const char *part_of_sentence);
