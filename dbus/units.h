/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Units: which service of systemd a process belongs to. systemd is asked, over the bus: a daemon that is locked up
 * well (ProtectProc=) does not see the processes of other users.
 *
 * What is told is used to grant rights, so any doubt means that there is no unit. The loop does not wait: a question
 * is put, and its owner is told what came of it. Only services of the system manager have units here: those of a
 * user's own manager may have whatever name that user likes, and are all seen as user@UID.service.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "daemon/hourly.h"
#include "daemon/loop.h"
#include "daemon/process.h"
#include "dbus/echo.h"

struct sb_unit_question;

/** How long systemd may take before nobody waits for it any more. */
#define SB_UNITS_PATIENCE_SEC 5

/**
 * A question has been dealt with, and may be put anew or freed.
 *
 * @r is 0 when question->unit is what there is to know: the unit, which may be taken, or NULL for none that counts.
 * A negative errno when nobody could tell, and it may be asked again.
 */
typedef void sb_unit_answered_fn(struct sb_unit_question *question, int r);

/** struct sb_unit_question - about one process; zeroed, or put; embedded in its owner */
struct sb_unit_question {
	struct sb_units *units; /* NULL unless it is put */
	struct sb_process process;
	uint32_t uid;
	sb_unit_answered_fn *answered;
	char *unit;
	struct sb_timer patience;
	bool late;
	uint64_t round; /* of the echo, once it is late */
	TAILQ_ENTRY(sb_unit_question) entry;
};

/**
 * struct sb_units - all questions; embedded in its owner
 * @connection: lent
 * @call: the one that systemd has not answered yet; there is one at a time
 * @asked: whose it is; NULL when nobody waits for its answer any more
 * @silent: somebody has waited for it in vain
 * @in_trouble: systemd could not be asked
 * @logged: and that was logged
 * @troubles: that were logged
 * @waiting: who is asked about among them
 */
struct sb_units {
	sd_bus *connection;
	struct sb_loop *loop;
	struct sb_echo echo;
	sd_bus_slot *call;
	struct sb_unit_question *asked;
	bool silent;
	bool in_trouble;
	bool logged;
	struct sb_hourly troubles;
	TAILQ_HEAD(, sb_unit_question) waiting;
};

void sb_units_init(struct sb_units *units, sd_bus *connection, struct sb_loop *loop);
void sb_units_done(struct sb_units *units);
bool sb_units_can_ask(const struct sb_units *units);

int sb_unit_question_put(struct sb_unit_question *question, struct sb_units *units,
			 const struct sb_process *process, uint32_t uid,
			 sb_unit_answered_fn *answered);
void sb_unit_question_drop(struct sb_unit_question *question);
