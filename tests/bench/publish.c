/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An app at full speed: publishes messages over one connection, CALLS of Publish in flight, and
 * ends when the cloud has acknowledged all of them. At most UNSETTLED wait for the cloud, so that
 * what is measured is the steady state and not a queue that grows; unless it shall end when all are
 * stored. Prints messages a second.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "daemon/cleanup.h"

#define CALLS 64
#define UNSETTLED 512
#define MEASURED_MAX 1000000
#define PATIENCE_US 30000000

#define SERVICE "io.skybus.Gateway1"
#define LINK SERVICE ".Link"

SB_DEFINE_CLEANUP(sd_bus *, sd_bus_flush_close_unref)

/** struct app - how far it has come */
struct app {
	sd_bus *bus;
	char **arguments; /* path, topic, payload */
	size_t wanted;
	size_t called;
	size_t stored;
	size_t settled;
	bool store_only;
	int error; /* negative errno: sd-bus drops what a callback returns */
};

static void publish(struct app *app);

static int on_stored(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct app *app = userdata;
	const sd_bus_error *refusal = sd_bus_message_get_error(reply);

	(void)error;
	app->stored++;
	if (refusal) {
		(void)fprintf(stderr, "publish: %s: %s\n", refusal->name, refusal->message);
		app->error = -EBADE;
	}
	publish(app);

	return 0;
}

static bool may_call(const struct app *app)
{
	return app->error == 0 && app->called < app->wanted && app->called - app->stored < CALLS &&
	       (app->store_only || app->called - app->settled < UNSETTLED);
}

static bool complete(const struct app *app)
{
	return app->stored == app->wanted && (app->store_only || app->settled == app->wanted);
}

static void publish(struct app *app)
{
	while (may_call(app)) {
		int r = sd_bus_call_method_async(app->bus, NULL, SERVICE, app->arguments[0], LINK,
						 "Publish", on_stored, app, "ss", app->arguments[1],
						 app->arguments[2]);

		if (r < 0)
			app->error = r;
		app->called++;
	}
}

/* Settled comes to whoever published, without being asked for. */
static int on_signal(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
	struct app *app = userdata;
	const char *outcome, *reason;
	uint64_t ticket;
	int r;

	(void)error;
	if (!sd_bus_message_is_signal(signal, LINK, "Settled"))
		return 0;
	r = sd_bus_message_read(signal, "tsss", &ticket, &outcome, NULL, &reason);
	if (r < 0) {
		app->error = r;
		return 0;
	}
	app->settled++;
	if (strcmp(outcome, "delivered") != 0) {
		(void)fprintf(stderr, "publish: %s: %s\n", outcome, reason);
		app->error = -EBADE;
	}
	publish(app);

	return 0;
}

static int open_bus(const char *address, struct app *app, sd_bus **ret)
{
	SB_CLEANUP(sd_bus_flush_close_unref) sd_bus *bus = NULL;
	int r;

	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, true);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = sd_bus_add_filter(bus, NULL, on_signal, app);
	if (r < 0)
		return r;

	*ret = SB_STEAL(bus);

	return 0;
}

static double now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);

	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int run(const char *address, struct app *app)
{
	SB_CLEANUP(sd_bus_flush_close_unref) sd_bus *bus = NULL;
	double begun = now_s();
	int r;

	r = open_bus(address, app, &bus);
	if (r < 0)
		return r;
	app->bus = bus;
	publish(app);
	while (r >= 0 && app->error == 0 && !complete(app)) {
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, PATIENCE_US) == 0 ? -ETIMEDOUT : 0;
	}
	if (app->error < 0)
		return app->error;
	if (r >= 0)
		(void)printf("%.1f\n", (double)app->wanted / (now_s() - begun));

	return r;
}

int main(int argc, char **argv)
{
	struct app app = {
		.arguments = argv + 2,
		.wanted = argc == 7 ? strtoul(argv[5], NULL, 10) : 0,
		.store_only = argc == 7 && strcmp(argv[6], "stored") == 0,
	};
	int r;

	if (app.wanted == 0 || app.wanted > MEASURED_MAX) {
		(void)fprintf(stderr, "usage: publish ADDRESS LINK-PATH TOPIC PAYLOAD MESSAGES "
				      "settled|stored\n");
		return EXIT_FAILURE;
	}
	r = run(argv[1], &app);
	if (r < 0)
		(void)fprintf(stderr, "publish: %s after %zu of %zu messages\n", strerror(-r),
			      app.settled, app.wanted);

	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
