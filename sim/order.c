/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cleanup.h"
#include "sim/clock.h"
#include "sim/number.h"
#include "sim/order.h"
#include "sim/record.h"
#include "sim/status.h"

/**
 * struct words - an order, taken apart
 * @world: who obeys
 * @args: behind the verb, lent
 * @n: how many
 * @call: where a call goes, which is not over at once
 */
struct words {
	struct sim_world *world;
	const char *args[SIM_ORDER_ARGS_MAX];
	size_t n;
	struct sim_call_request *call;
};

/* ---- Replies --------------------------------------------------------------------------------- */

__attribute__((format(printf, 1, 2))) static json_t *refusal(const char *format, ...)
{
	SIM_CLEANUP(free) char *text = NULL;
	va_list list;
	int len;

	va_start(list, format);
	len = vasprintf(&text, format, list);
	va_end(list);
	if (len < 0)
		text = NULL;

	return json_pack("{s:b, s:s}", "ok", 0, "error", text ? text : "There is no memory.");
}

static json_t *consent(void)
{
	return json_pack("{s:b}", "ok", 1);
}

static json_t *result_of(int error)
{
	return error < 0 ? refusal("That failed: %s.", strerror(-error)) : consent();
}

static json_t *no_cloud(const char *name)
{
	return refusal("No cloud is called \"%s\"; status shows them all.", name);
}

static json_t *no_door(const char *name)
{
	return refusal("No door is called \"%s\"; status shows them all.", name);
}

/**
 * sim_order_refusal() - the reply to what is no order
 * @sentence: what is wrong with it
 *
 * Return: the reply, the caller's; NULL without memory.
 */
json_t *sim_order_refusal(const char *sentence)
{
	return refusal("%s", sentence);
}

/**
 * sim_order_called() - the reply to an order to call a device
 * @result: what became of the call
 *
 * Return: the reply, the caller's; NULL without memory.
 */
json_t *sim_order_called(const struct sim_call_result *result)
{
	SIM_CLEANUP(free) char *text = NULL;
	const char *payload;
	json_t *reply;

	if (!result->answered)
		return refusal("The device does not answer.");

	reply = json_pack("{s:b, s:s}", "ok", 1, "code", result->code);
	sim_record_set_payload(reply, result->payload, result->payload_len);
	payload = json_string_value(json_object_get(reply, "payload"));
	if (asprintf(&text, "%s%s%s", result->code, payload && *payload ? " " : "",
		     payload ? payload : "") < 0)
		text = NULL;
	(void)json_object_set_new(reply, "text", json_string(text ? text : result->code));

	return reply;
}

/* "4.01" */
static bool read_code(const char *text, uint8_t *ret)
{
	if (strlen(text) != 4 || (text[0] != '4' && text[0] != '5') || text[1] != '.' ||
	    text[2] < '0' || text[2] > '3' || text[3] < '0' || text[3] > '9' ||
	    (text[2] == '3' && text[3] > '1'))
		return false;

	*ret = SIM_CODE(text[0] - '0', (text[2] - '0') * 10 + text[3] - '0');

	return true;
}

/* ---- Verbs ----------------------------------------------------------------------------------- */

/* "TOPIC=PAYLOAD", which the setup keeps; NULL, or what is wrong with it. */
static json_t *read_command(const struct words *words, const struct sim_command **ret)
{
	int error = sim_setup_add_command(words->world->options->setup, words->args[0], ret);

	if (error == -EINVAL)
		return refusal("Write TOPIC=PAYLOAD, with a topic that begins with a slash.");

	return error < 0 ? refusal("There is no memory, or there were too many; start anew.")
			 : NULL;
}

static json_t *do_command(struct words *words)
{
	const struct sim_command *command;
	json_t *wrong = read_command(words, &command);
	int error = wrong ? 0 : sim_world_command(words->world, command);

	switch (error) {
	case -ENOENT:
		return refusal(
			"The topic is of no device that is known, and no rule of a script has "
			"it as its path.");
	case -ENOBUFS:
		return refusal("Too many commands wait for this device; have it fetch some.");
	case -EMSGSIZE:
		return refusal("Topic and payload do not fit one reply; make them shorter.");
	default:
		return wrong ? wrong : result_of(error);
	}
}

static json_t *do_notify(struct words *words)
{
	const struct sim_command *command;
	json_t *wrong = read_command(words, &command);
	char text[32];
	size_t n = 0;
	int error = wrong ? 0 : sim_world_notify(words->world, command, &n);

	if (wrong)
		return wrong;
	if (error == -ENOENT)
		return refusal("No rule of a script lets this path be observed.");
	(void)snprintf(text, sizeof(text), "%zu", n);

	return error < 0 ? result_of(error) : json_pack("{s:b, s:s}", "ok", 1, "text", text);
}

static json_t *do_expire(struct words *words)
{
	struct sim_house *house = sim_world_house(words->world, words->args[0]);

	if (!house)
		return no_cloud(words->args[0]);
	if (!house->cloud->type->expire)
		return refusal("Nothing can expire in %s.", words->args[0]);

	house->cloud->type->expire(house->cloud);

	return consent();
}

static json_t *do_forget(struct words *words)
{
	struct sim_house *house = sim_world_house(words->world, words->args[0]);

	return house ? result_of(sim_world_forget(words->world, house)) : no_cloud(words->args[0]);
}

static json_t *do_stop(struct words *words)
{
	struct sim_house *house = sim_world_house(words->world, words->args[0]);

	if (!house)
		return no_cloud(words->args[0]);

	sim_world_close(words->world, house);

	return consent();
}

static json_t *do_start(struct words *words)
{
	struct sim_house *house = sim_world_house(words->world, words->args[0]);

	return house ? result_of(sim_world_open(words->world, house)) : no_cloud(words->args[0]);
}

static json_t *do_rotate(struct words *words)
{
	struct sim_house *house = sim_world_house(words->world, words->args[0]);
	int error;

	if (!house)
		return no_cloud(words->args[0]);
	if (!house->cloud->type->rotate)
		return refusal("The secrets of %s cannot be changed.", words->args[0]);

	error = house->cloud->type->rotate(house->cloud, words->args[1], words->args[2]);
	if (error == -ENOENT)
		return refusal("No device of %s is called \"%s\".", words->args[0], words->args[1]);

	return error < 0 ? refusal("This secret is none that %s could take.", words->args[0])
			 : consent();
}

/* Behind a code and a count: "max-age=9", "/topic". */
static json_t *read_told(const struct words *words, struct sim_told *told)
{
	uint64_t number;

	for (size_t i = 3; i < words->n; i++) {
		const char *word = words->args[i];

		if (strncmp(word, "max-age=", 8) == 0) {
			if (sim_number_read(word + 8, UINT8_MAX, &number) < 0)
				return refusal("max-age= takes seconds, up to %d.", UINT8_MAX);
			told->max_age = (uint8_t)number;
		} else if (word[0] == '/' && strlen(word) < sizeof(told->prefix)) {
			(void)strcpy(told->prefix, word);
		} else {
			return refusal("A prefix is the beginning of a path, such as /topic.");
		}
	}

	return NULL;
}

static json_t *do_answer(struct words *words)
{
	struct sim_house *house = sim_world_house(words->world, words->args[0]);
	struct sim_told told = { .prefix = "/" };
	json_t *wrong;
	uint64_t count;

	if (!house)
		return no_cloud(words->args[0]);
	if (!read_code(words->args[1], &told.code))
		return refusal("\"%s\" is no code to refuse with, such as 4.01 or 5.03.",
			       words->args[1]);
	if (sim_number_read(words->args[2], UINT32_MAX, &count) < 0)
		return refusal("\"%s\" is no number of requests.", words->args[2]);
	wrong = read_told(words, &told);
	if (wrong)
		return wrong;

	told.count = (uint32_t)count;
	house->told = told;

	return consent();
}

static json_t *do_impair(struct words *words)
{
	struct sim_port *port = sim_world_port(words->world, words->args[0]);
	struct sim_impair impair = { 0 };

	if (!port)
		return no_door(words->args[0]);

	for (size_t i = 1; i < words->n; i++)
		if (sim_impair_set(&impair, words->args[i]) < 0)
			return refusal("\"%s\" is none of drop=, duplicate=, reorder= with a "
				       "percentage, delay=, jitter= with up to %d ms.",
				       words->args[i], SIM_DELAY_MAX_MS);
	if (sim_port_impair(port, &impair) < 0)
		return refusal("There is no relay before %s: start the simulator with "
			       "--impairable; HTTPS doors never have one.",
			       words->args[0]);

	return consent();
}

static json_t *do_clock(struct words *words)
{
	uint64_t seconds;

	if (sim_number_read(words->args[0], SIM_CLOCK_SHIFT_MAX, &seconds) < 0 ||
	    sim_clock_shift(seconds) < 0)
		return refusal("\"%s\" is no number of seconds, or too many in all.",
			       words->args[0]);

	return consent();
}

static json_t *do_call(struct words *words)
{
	struct sim_call_request *call = words->call;
	uint64_t repeat = 0;

	*call = (struct sim_call_request){
		.method = words->args[0],
		.url = words->args[1],
		.payload = "",
	};
	for (size_t i = 2; i < words->n; i++) {
		if (strncmp(words->args[i], "repeat=", 7) != 0)
			call->payload = words->args[i];
		else if (sim_number_read(words->args[i] + 7, SIM_CALL_REPEAT_MAX, &repeat) < 0)
			return refusal("repeat= takes a number up to %d.", SIM_CALL_REPEAT_MAX);
	}
	call->repeat = (uint32_t)repeat;

	return NULL;
}

static json_t *do_status(struct words *words)
{
	return sim_status(words->world);
}

static const struct verb {
	const char *name;
	size_t min;
	size_t max;
	const char *usage;
	const char *help;
	json_t *(*obey)(struct words *words);
} verbs[] = {
	{ "status", 0, 0, "", "the clouds, their doors, what has come", do_status },
	{ "command", 1, 1, "TOPIC=PAYLOAD", "a command that waits from now on", do_command },
	{ "notify", 1, 1, "PATH=PAYLOAD",
	  "those who observe PATH are told that it is this\nnow; prints how many", do_notify },
	{ "expire", 1, 1, "CLOUD", "all logins and tokens end", do_expire },
	{ "forget", 1, 1, "CLOUD", "all senders are forgotten, and not told", do_forget },
	{ "stop", 1, 1, "CLOUD", "its doors close; nobody is told", do_stop },
	{ "start", 1, 1, "CLOUD", "they open again, where they were", do_start },
	{ "rotate", 3, 3, "CLOUD DEVICE SECRET",
	  "a device has another secret; in 1nce a card\n"
	  "another key, in hex after 0x, or, if that is\n"
	  "\"\", none: its owner takes back the terms",
	  do_rotate },
	{ "answer", 3, 5, "CLOUD CODE COUNT [PREFIX] [max-age=SECONDS]",
	  "so many requests are refused with CODE, and\n"
	  "only to paths that begin with PREFIX",
	  do_answer },
	{ "impair", 1, 6, "DOOR [drop=%] [duplicate=%] [reorder=%] [delay=MS] [jitter=MS]",
	  "how bad the way to it is; without more: good", do_impair },
	{ "clock", 1, 1, "SECONDS", "so much time passes for the clouds", do_clock },
	{ "call", 2, 4, "METHOD URL [PAYLOAD] [repeat=N]",
	  "the cloud's side calls a device; its answer", do_call },
};

/* ---- Orders ---------------------------------------------------------------------------------- */

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < SIM_ELEMENTS(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];

	return NULL;
}

static json_t *unknown_verb(const char *name)
{
	SIM_CLEANUP(free) char *names = NULL;
	size_t len;
	FILE *out = open_memstream(&names, &len);

	for (size_t i = 0; out && i < SIM_ELEMENTS(verbs); i++)
		(void)fprintf(out, "%s%s", i > 0 ? ", " : "", verbs[i].name);
	if (out)
		(void)fclose(out);

	return refusal("\"%s\" is no verb; there are %s.", name, names ? names : "others");
}

static bool read_args(const json_t *args, struct words *words)
{
	if (args && !json_is_array(args))
		return false;
	if (json_array_size(args) > SIM_ORDER_ARGS_MAX)
		return false;

	words->n = json_array_size(args);
	for (size_t i = 0; i < words->n; i++) {
		words->args[i] = json_string_value(json_array_get(args, i));
		if (!words->args[i])
			return false;
	}

	return true;
}

/**
 * sim_order_obey() - do what an order says
 * @world: where
 * @order: {"verb": "…", "args": ["…", …]}
 * @ret_call: what to call, lent with @order, when the order is to call a device
 *
 * Return: the reply, the caller's; NULL when the order is to call a device, and nothing has been
 * done yet.
 */
json_t *sim_order_obey(struct sim_world *world, const json_t *order,
		       struct sim_call_request *ret_call)
{
	const char *name = json_string_value(json_object_get(order, "verb"));
	struct words words = { .world = world, .call = ret_call };
	const struct verb *verb;

	if (!name || !read_args(json_object_get(order, "args"), &words))
		return refusal("An order is {\"verb\": \"…\", \"args\": [\"…\", …]}, with up to %d "
			       "arguments.",
			       SIM_ORDER_ARGS_MAX);

	verb = find_verb(name);
	if (!verb)
		return unknown_verb(name);
	if (words.n < verb->min || words.n > verb->max)
		return refusal("The order is: %s%s%s", verb->name, *verb->usage ? " " : "",
			       verb->usage);

	/* cppcheck-suppress returnDanglingLifetime ; an answer is allocated */
	return verb->obey(&words);
}

/**
 * sim_order_help() - say which orders there are
 * @row: takes each in turn: what is written, and what it does
 */
void sim_order_help(void (*row)(const char *usage, const char *help))
{
	char usage[128];

	for (size_t i = 0; i < SIM_ELEMENTS(verbs); i++) {
		(void)snprintf(usage, sizeof(usage), "%s%s%s", verbs[i].name,
			       *verbs[i].usage ? " " : "", verbs[i].usage);
		row(usage, verbs[i].help);
	}
}
