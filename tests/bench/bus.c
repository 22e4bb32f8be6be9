/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An app on the message bus: calls a method again and again, so many calls in flight, through one
 * connection, going round the objects that it is given.
 *
 *	request   calls Request; ends when all are answered
 *	stored    calls PublishBytes; ends when all are answered
 *	settled   calls PublishBytes; ends when the cloud has acknowledged all. At most UNSETTLED wait for
 *	          the cloud, so that what is measured is the steady state and not a queue that grows;
 *	          where one call is in flight, one message.
 *
 * Prints calls a second, and the µs from a call to its answer: the median, and what 99 in a hundred keep
 * below. Where the payload has LOAD_MARK in it, the messages are numbered from FIRST on.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "daemon/cleanup.h"
#include "tests/bench/load-bus.h"
#include "tests/bench/load.h"

#define FLIGHT_MAX 64
#define UNSETTLED 512
#define PATIENCE_US 30000000
#define ANSWER_TIMEOUT_S 10

#define LINK "io.skybus.Gateway1.Link"

SB_DEFINE_CLEANUP(sd_bus *, sd_bus_flush_close_unref)
SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

struct app;

/** struct call - one that may be in flight */
struct call {
	struct app *app;
	struct call *next; /* of those that are not */
	double begun;
};

/** struct app - how far it has come */
struct app {
	sd_bus *bus;
	const char *service;
	char *payload;
	char *mark;
	char **places; /* path, topic; path, topic; … */
	size_t n_places;
	size_t first;
	size_t wanted;
	size_t called;
	size_t answered;
	size_t settled;
	size_t unsettled_max; /* 0: nobody waits for ends */
	bool request;
	struct call calls[FLIGHT_MAX];
	struct call *free;
	struct load_times times;
	int error; /* negative errno: sd-bus drops what a callback returns */
};

static void go_on(struct app *app);

/* ---- calls ---- */

static int check_code(sd_bus_message *reply)
{
	const char *code;
	int r;

	r = sd_bus_message_read_basic(reply, 's', &code);
	if (r >= 0 && code[0] != '2') {
		(void)fprintf(stderr, "bus: answered %s\n", code);
		r = -EBADE;
	}

	return r < 0 ? r : 0;
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct call *call = userdata;
	struct app *app = call->app;
	const sd_bus_error *refusal = sd_bus_message_get_error(reply);
	int r = 0;

	(void)error;
	load_times_add(&app->times, load_now() - call->begun);
	app->answered++;
	call->next = app->free;
	app->free = call;
	if (refusal) {
		(void)fprintf(stderr, "bus: %s: %s\n", refusal->name, refusal->message);
		r = -EBADE;
	} else if (app->request) {
		r = check_code(reply);
	}
	if (r < 0)
		app->error = r;
	go_on(app);

	return 0;
}

static int append(struct app *app, sd_bus_message *message, const char *topic)
{
	int r = sd_bus_message_append(message, "s", topic);

	load_number(app->mark, app->first + app->called);
	if (r >= 0 && app->request)
		r = sd_bus_message_append(message, "su", app->payload, (uint32_t)ANSWER_TIMEOUT_S);
	else if (r >= 0)
		r = sd_bus_message_append_array(message, 'y', app->payload, strlen(app->payload));

	return r;
}

static int send_call(struct app *app)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *message = NULL;
	char **place = app->places + 2 * (app->called % app->n_places);
	struct call *call = app->free;
	int r;

	r = sd_bus_message_new_method_call(app->bus, &message, app->service, place[0], LINK,
					   app->request ? "Request" : "PublishBytes");
	if (r >= 0)
		r = append(app, message, place[1]);
	if (r < 0)
		return r;

	app->free = call->next;
	app->called++;
	call->begun = load_now();

	return sd_bus_call_async(app->bus, NULL, message, on_answer, call, 0);
}

static bool may_call(const struct app *app)
{
	return app->error == 0 && app->free && app->called < app->wanted &&
	       (app->unsettled_max == 0 || app->called - app->settled < app->unsettled_max);
}

static void go_on(struct app *app)
{
	while (may_call(app)) {
		int r = send_call(app);

		if (r < 0)
			app->error = r;
	}
}

static bool complete(const struct app *app)
{
	return app->answered == app->wanted &&
	       (app->unsettled_max == 0 || app->settled == app->wanted);
}

/* Settled comes to whoever published, without being asked for. */
static int on_signal(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
	struct app *app = userdata;
	const char *outcome, *code, *reason;
	uint64_t ticket;
	int r;

	(void)error;
	if (!sd_bus_message_is_signal(signal, LINK, "Settled"))
		return 0;
	r = sd_bus_message_read(signal, "tsss", &ticket, &outcome, &code, &reason);
	if (r < 0) {
		app->error = r;
		return 0;
	}
	app->settled++;
	if (strcmp(outcome, "delivered") != 0) {
		(void)fprintf(stderr, "bus: %s %s: %s\n", outcome, code, reason);
		app->error = -EBADE;
	}
	go_on(app);

	return 0;
}

/* ---- the app ---- */

static int run(const char *address, struct app *app)
{
	SB_CLEANUP(sd_bus_flush_close_unref) sd_bus *bus = NULL;
	double begun;
	int r;

	r = load_bus_open(address, &bus);
	if (r >= 0)
		r = sd_bus_add_filter(bus, NULL, on_signal, app);
	if (r < 0)
		return r;
	app->bus = bus;
	begun = load_now();
	go_on(app);
	while (r >= 0 && app->error == 0 && !complete(app)) {
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, PATIENCE_US) == 0 ? -ETIMEDOUT : 0;
	}
	if (app->error < 0)
		return app->error;
	if (r >= 0)
		(void)printf("%.1f %.1f %.1f\n", (double)app->wanted * 1e6 / (load_now() - begun),
			     load_percentile(&app->times, 50), load_percentile(&app->times, 99));

	return r;
}

static size_t number_of(const char *text, size_t most)
{
	size_t number = strtoul(text, NULL, 10);

	return number <= most ? number : 0;
}

/* ADDRESS SERVICE request|stored|settled FIRST MESSAGES IN-FLIGHT PAYLOAD PATH TOPIC [PATH TOPIC]... */
static int app_init(struct app *app, int argc, char **argv)
{
	size_t in_flight = argc >= 10 ? number_of(argv[6], FLIGHT_MAX) : 0;

	if (in_flight == 0 || argc % 2 != 0)
		return -EINVAL;

	*app = (struct app){
		.service = argv[2],
		.request = strcmp(argv[3], "request") == 0,
		.first = strtoul(argv[4], NULL, 10),
		.wanted = number_of(argv[5], LOAD_MESSAGES_MAX),
		.payload = argv[7],
		.mark = load_find_mark(argv[7]),
		.places = argv + 8,
		.n_places = (size_t)(argc - 8) / 2,
	};
	if (strcmp(argv[3], "settled") == 0)
		app->unsettled_max = in_flight == 1 ? 1 : UNSETTLED;
	for (size_t i = 0; i < in_flight; i++) {
		app->calls[i] = (struct call){ .app = app, .next = app->free };
		app->free = &app->calls[i];
	}

	return app->wanted > 0 ? load_times_init(&app->times, app->wanted) : -EINVAL;
}

int main(int argc, char **argv)
{
	struct app app;
	int r;

	r = app_init(&app, argc, argv);
	if (r < 0) {
		(void)fprintf(stderr, "usage: bus ADDRESS SERVICE request|stored|settled FIRST "
				      "MESSAGES IN-FLIGHT PAYLOAD PATH TOPIC [PATH TOPIC]...\n");
		return EXIT_FAILURE;
	}
	r = run(argv[1], &app);
	if (r < 0)
		(void)fprintf(stderr, "bus: %s after %zu of %zu messages, %zu of them delivered\n",
			      strerror(-r), app.answered, app.wanted, app.settled);
	load_times_done(&app.times);

	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
