/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A link with a scripted plugin and no network, but with a real store, clock, outbox and hub in a directory
 * of its own, in virtual time. Include <cmocka.h> before.
 */
#include "daemon/clock.h"
#include "daemon/link.h"
#include "daemon/netwatch.h"
#include "daemon/pace.h"
#include "tests/daemon/fake-channel.h"
#include "tests/daemon/fake-https.h"
#include "tests/daemon/fake-listener.h"
#include "tests/daemon/fake-netlink.h"
#include "tests/daemon/fake-way.h"
#include "tests/daemon/scratch.h"
#include "tests/daemon/script.h"

/** struct link_fixture - the texts gather what happened, each item with a space behind */
struct link_fixture {
	struct scratch scratch;
	struct sb_link_parts parts;
	struct sb_pace pace;
	struct sb_netwatch *netwatch;
	unsigned int boot; /* which boot of the box this is, from 1 on */
	uint64_t booted_at; /* when it began, by the loop's time, µs */
	int64_t wall_ms; /* of when the test began; 0 for a box that does not know the time */
	struct sb_link *link;
	struct sb_link_status status; /* of the last link_status() */
	char states[8192];
	char settled[8192]; /* "1:delivered:2.04:reason" */
	char causes[8192]; /* "1:delivered" */
	char published[2048]; /* tickets */
	char requested[1024]; /* codes, or errors with their names */
	struct sb_error error; /* of the last that was told */
	unsigned int numbers; /* how often they changed */
};

int link_fixture_setup(void **state);
int link_fixture_teardown(void **state);

struct sb_link_config *link_config(const char *name, const char *const *settings);
void link_make(struct link_fixture *f, const char *const *settings);
void link_make_of(struct link_fixture *f, struct sb_link_config *config);
void link_unmake(struct link_fixture *f);
void link_fixture_reopen(struct link_fixture *f);
void link_restart(struct link_fixture *f);
void link_reboot(struct link_fixture *f);

void link_run(struct link_fixture *f);
void link_pass(struct link_fixture *f, uint64_t usec);
void link_come_up(struct link_fixture *f);
void link_bring_up(struct link_fixture *f);
void link_publish(struct link_fixture *f, const char *payload);
void link_publish_many(struct link_fixture *f, unsigned int first, unsigned int last);
int link_request(struct link_fixture *f, const char *payload, uint64_t timeout_usec);
const struct sb_link_status *link_status(struct link_fixture *f);

void link_expect_state(struct link_fixture *f, enum sb_link_state state);
void link_expect_reason(struct link_fixture *f, const char *part);
void link_expect_sent(const char *sent);
void link_answer(struct link_fixture *f, const char *payload, uint32_t code);
void link_answer_first(struct link_fixture *f, uint32_t code);
void link_answer_all(struct link_fixture *f, uint32_t code);
void link_widen(struct link_fixture *f, unsigned int window);
struct fake_request *link_find_request(const char *payload);

void link_set_way(const char *from, const char *name);
void link_tell_network(struct link_fixture *f);
void link_change_way(struct link_fixture *f, const char *from, const char *name);
void link_lose_way(struct link_fixture *f, int error);
void link_settle(struct link_fixture *f);
unsigned int link_announced_delay(struct link_fixture *f);
