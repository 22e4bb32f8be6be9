/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two questions: the unit of the process with that number, then the user that the unit has. Why the answer is about
 * the process that made the connection, and not about another that has got its number:
 *
 * - A pidfd is held while systemd is asked, and the process is alive afterwards. So what systemd has read by number
 *   is about the process of the pidfd.
 * - Where the bus lends the pidfd, that process is who made the connection, and this is the whole proof.
 * - Where the bus knows the number only, it may have changed hands before the pidfd was opened. So the unit must
 *   have the user that the bus knows for the connection: whoever got the rights of a unit wrongly would be that
 *   user anyway, and a user's processes can take each other over (ptrace(2)). This is asked for in general.
 *
 * So there is no unit for a service without User= (systemd then knows no user of it), nor for one that changes its
 * user by itself, nor for a program of another user that it has started: cron.service is not the unit of everybody
 * who has a crontab. That of DynamicUser= is known. Scopes and others have no user, and no unit here.
 *
 * On the system bus root alone may own systemd's name, and the bus lets nobody answer a call but who was called.
 * Who runs the daemon on another bus trusts that one's policy for it.
 *
 * One call at a time: dbus-daemon allows 128 without an answer, for ever, and this does not use them up when systemd
 * hangs. Nobody waits for it then, until the call is answered after all. An answer may be late since it is behind the
 * calls of all apps, so its absence counts only from an echo on.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/message.h"
#include "dbus/units.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define UNIT_PREFIX SYSTEMD_PATH "/unit"

#define SUFFIX ".service"

/* In the log within an hour. */
#define TROUBLES_MAX 4

/* How often to look whether the echo has come. */
#define ECHO_USEC (100 * SB_USEC_PER_MSEC)

SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

/* ---- what there is to say -------------------------------------------------------------------- */

static void log_trouble(struct sb_units *units, const char *why)
{
	if (units->in_trouble || sd_bus_is_open(units->connection) <= 0)
		return;

	units->in_trouble = true;
	units->logged = sb_hourly_take(&units->troubles, sb_loop_now(units->loop), TROUBLES_MAX);
	if (units->logged)
		sb_log_event(
			SB_EVENT_UNITS_UNKNOWN, NULL,
			"the rules of the section access that have unit: match nobody, since "
			"systemd cannot be asked for the units of callers (%s): see that it runs "
			"and is on the same message bus as org.freedesktop.systemd1, or write "
			"rules with user: or group:",
			why);
}

static void log_end_of_trouble(struct sb_units *units)
{
	if (units->in_trouble && units->logged)
		sb_log_event(SB_EVENT_UNITS_KNOWN, NULL,
			     "systemd says again which units callers belong to: the rules that "
			     "have unit: match");
	units->in_trouble = false;
}

/* Has no unit that counts. */
static int refuse(struct sb_unit_question *question, const char *why)
{
	sb_log(LOG_DEBUG,
	       "process %u of user %u is of no unit for which there can be rules: %s%s%s",
	       question->process.pid, question->uid, question->unit ? question->unit : "",
	       question->unit ? " " : "", why);
	free(question->unit);
	question->unit = NULL;

	return 0;
}

/* ---- a question ------------------------------------------------------------------------------ */

/**
 * sb_unit_question_drop() - nobody wants to know any more
 * @question: put or not; zeroed afterwards
 */
void sb_unit_question_drop(struct sb_unit_question *question)
{
	struct sb_units *units = question->units;

	if (units) {
		sb_timer_disarm(&question->patience);
		TAILQ_REMOVE(&units->waiting, question, entry);
		if (units->asked == question)
			units->asked = NULL;
		sb_process_done(&question->process);
	}
	free(question->unit);
	*question = (struct sb_unit_question){ 0 };
}

/* May free the question, or put others. */
static void answer(struct sb_unit_question *question, int r)
{
	sb_unit_answered_fn *answered = question->answered;
	char *unit = SB_STEAL(question->unit);

	sb_unit_question_drop(question);
	question->unit = unit;
	answered(question, r);
}

static int begin_call(const struct sb_units *units, const char *path, const char *interface,
		      const char *member, sd_bus_message **ret)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *call = NULL;
	int r;

	r = sd_bus_message_new_method_call(units->connection, &call, SYSTEMD, path, interface,
					   member);
	if (r < 0)
		return r;
	r = sd_bus_message_set_auto_start(call, false);
	if (r < 0)
		return r;
	*ret = SB_STEAL(call);

	return 0;
}

static int send_call(struct sb_units *units, struct sb_unit_question *question,
		     sd_bus_message *call, sd_bus_message_handler_t on_reply)
{
	int r;

	r = sd_bus_call_async(units->connection, &units->call, call, on_reply, units, 0);
	if (r < 0)
		return r;
	units->asked = question;

	return 1;
}

static void go_on(struct sb_units *units, struct sb_unit_question *question, int r);

/* Who is asked about, if anybody waits for it still. */
static struct sb_unit_question *end_call(struct sb_units *units)
{
	struct sb_unit_question *question = units->asked;

	units->call = sd_bus_slot_unref(units->call);
	units->asked = NULL;
	units->silent = false;

	return question;
}

/* Did systemd say something? That there is no such unit is an answer, too, and brought about by callers. */
static int check_reply(struct sb_units *units, sd_bus_message *reply)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);

	if (sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN,
				   SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_ACCESS_DENIED,
				   SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT,
				   SD_BUS_ERROR_DISCONNECTED, SD_BUS_ERROR_LIMITS_EXCEEDED,
				   SD_BUS_ERROR_UNKNOWN_METHOD)) {
		log_trouble(units, error->message ? error->message : error->name);
		return -EAGAIN;
	}
	log_end_of_trouble(units);

	return 0;
}

/* ---- its second half: the user --------------------------------------------------------------- */

static int read_user(struct sb_unit_question *question, sd_bus_message *reply)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	uint32_t uid;
	int r;

	if (error)
		return refuse(question, error->message ? error->message : error->name);
	r = sd_bus_message_read(reply, "v", "u", &uid);
	if (r < 0)
		return refuse(question, strerror(-r));
	/* systemd's number for none is that of SB_NO_OWNER. */
	if (uid == SB_NO_OWNER || uid != question->uid)
		return refuse(question, "has another user, or none, in User=");
	if (sb_process_has_ended(&question->process))
		return refuse(question, "may not be its own, since it has ended");

	return 0;
}

static int units_on_user(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct sb_units *units = userdata;
	struct sb_unit_question *question = end_call(units);
	int r = check_reply(units, reply);

	(void)error;
	if (r >= 0 && question)
		r = read_user(question, reply);
	go_on(units, question, r);

	return 0;
}

static int ask_for_user(struct sb_units *units, struct sb_unit_question *question, const char *path)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *call = NULL;
	int r;

	r = begin_call(units, path, "org.freedesktop.DBus.Properties", "Get", &call);
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "ss", SYSTEMD ".Service", "UID");
	if (r < 0)
		return r;

	return send_call(units, question, call, units_on_user);
}

/* ---- its first half: the unit ---------------------------------------------------------------- */

static bool is_service(const char *unit)
{
	size_t len = strlen(unit);

	return len > strlen(SUFFIX) && strcmp(unit + len - strlen(SUFFIX), SUFFIX) == 0;
}

static int read_unit(struct sb_unit_question *question, sd_bus_message *reply)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	const char *path;
	int r;

	if (error)
		return refuse(question, error->message ? error->message : error->name);
	r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_OBJECT_PATH, &path);
	if (r < 0)
		return refuse(question, strerror(-r));
	r = sd_bus_path_decode(path, UNIT_PREFIX, &question->unit);
	if (r < 0)
		return r;
	if (r == 0 || !is_service(question->unit))
		return refuse(question, "is no service");

	return ask_for_user(question->units, question, path);
}

static int units_on_unit(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct sb_units *units = userdata;
	struct sb_unit_question *question = end_call(units);
	int r = check_reply(units, reply);

	(void)error;
	if (r >= 0 && question)
		r = read_unit(question, reply);
	go_on(units, question, r);

	return 0;
}

static int ask_for_unit(struct sb_units *units, struct sb_unit_question *question)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *call = NULL;
	int r;

	r = begin_call(units, SYSTEMD_PATH, SYSTEMD ".Manager", "GetUnitByPID", &call);
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "u", question->process.pid);
	if (r < 0)
		return r;

	return send_call(units, question, call, units_on_unit);
}

/* ---- one after the other --------------------------------------------------------------------- */

static void ask_for_next(struct sb_units *units)
{
	struct sb_unit_question *question;
	int r;

	while (!units->call && (question = TAILQ_FIRST(&units->waiting))) {
		r = ask_for_unit(units, question);
		if (r < 0)
			answer(question, r);
	}
}

/* @r is 1 while the question goes on. */
static void go_on(struct sb_units *units, struct sb_unit_question *question, int r)
{
	if (question && r <= 0)
		answer(question, r);
	ask_for_next(units);
}

static void question_on_late(struct sb_timer *timer)
{
	struct sb_unit_question *question =
		sb_container_of(timer, struct sb_unit_question, patience);
	struct sb_units *units = question->units;

	if (!question->late)
		question->round = sb_echo_ask(&units->echo);
	question->late = true;
	if (!sb_echo_has_come(&units->echo, question->round)) {
		sb_timer_arm(&question->patience, ECHO_USEC);
		return;
	}

	units->silent = true;
	log_trouble(units, "it does not answer");
	free(question->unit);
	question->unit = NULL;
	answer(question, -EAGAIN);
}

/**
 * sb_unit_question_put() - ask for the unit of a process
 * @question: zeroed, or answered; zeroed unless 1 is returned
 * @units: all questions
 * @process: lent
 * @uid: the user that it has
 * @answered: called later, unless it is dropped
 *
 * Return: 1 when @answered will be called; 0 when it surely has no unit that counts; a negative errno when that
 * cannot be asked now.
 */
int sb_unit_question_put(struct sb_unit_question *question, struct sb_units *units,
			 const struct sb_process *process, uint32_t uid,
			 sb_unit_answered_fn *answered)
{
	int r;

	*question = (struct sb_unit_question){ 0 };
	if (uid == SB_NO_OWNER)
		return 0;
	if (!sb_units_can_ask(units))
		return -EAGAIN;
	r = sb_process_hold(process, &question->process);
	if (r < 0)
		return r == -ESRCH ? 0 : r;
	question->units = units;
	question->uid = uid;
	question->answered = answered;
	sb_timer_init(&question->patience, units->loop, question_on_late);
	sb_timer_arm(&question->patience, SB_UNITS_PATIENCE_SEC * SB_USEC_PER_SEC);
	TAILQ_INSERT_TAIL(&units->waiting, question, entry);
	if (units->call || TAILQ_FIRST(&units->waiting) != question)
		return 1;
	r = ask_for_unit(units, question);
	if (r < 0)
		sb_unit_question_drop(question);

	return r;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/**
 * sb_units_init() - nothing is asked
 * @units: to be set up
 * @connection: lent
 * @loop: outlives @units
 */
void sb_units_init(struct sb_units *units, sd_bus *connection, struct sb_loop *loop)
{
	*units = (struct sb_units){ .connection = connection, .loop = loop };
	sb_echo_init(&units->echo, connection);
	TAILQ_INIT(&units->waiting);
}

/**
 * sb_units_done() - ask nothing any more
 * @units: set up, or zeroed; its questions have been answered or dropped
 */
void sb_units_done(struct sb_units *units)
{
	assert(TAILQ_EMPTY(&units->waiting));
	units->call = sd_bus_slot_unref(units->call);
	sb_echo_done(&units->echo);
}

/**
 * sb_units_can_ask() - is there a chance of an answer?
 * @units: all questions
 *
 * Return: false while systemd owes one for which nobody waits any more.
 */
bool sb_units_can_ask(const struct sb_units *units)
{
	return !units->silent;
}
