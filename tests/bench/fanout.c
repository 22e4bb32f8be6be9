/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many subscribers of one topic, each with a connection of its own, and an app that publishes to it, one
 * message each INTERVAL; the link is not to be online. Ends when each subscriber has each message. Prints
 * the µs from PublishBytesWith until a subscriber has the message, over all of both: the median, and what
 * 99 in a hundred keep below.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "daemon/cleanup.h"
#include "tests/bench/load-bus.h"
#include "tests/bench/load.h"

#define SUBSCRIBERS_MAX 400
#define MESSAGES_MAX 100000
#define PATIENCE_US 30000000

#define SERVICE "io.skybus.Gateway1"
#define LINK SERVICE ".Link"
#define PAYLOAD_MARK "{\"number\":" LOAD_MARK "}"

SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

/** struct fanout - how far it has come */
struct fanout {
	sd_event *event;
	sd_bus *publisher;
	sd_bus *subscribers[SUBSCRIBERS_MAX];
	size_t n_subscribers;
	const char *path;
	const char *topic;
	double *begun; /* by message */
	size_t wanted;
	size_t published;
	uint64_t interval_us;
	struct load_times times;
};

static int stop(struct fanout *fanout, int error)
{
	return sd_event_exit(fanout->event, error < 0 ? -error : 0);
}

/* ---- what comes ---- */

static int on_signal(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
	struct fanout *fanout = userdata;
	const void *payload;
	const char *topic;
	uint64_t number;
	size_t len;
	int r;

	(void)error;
	if (sd_bus_message_is_signal(signal, LINK, "SubscriptionEnded"))
		return stop(fanout, -ECONNABORTED);
	if (!sd_bus_message_is_signal(signal, LINK, "Message"))
		return 0;
	r = sd_bus_message_read(signal, "ts", &number, &topic);
	if (r >= 0)
		r = sd_bus_message_read_array(signal, 'y', &payload, &len);
	if (r < 0 || len != strlen(PAYLOAD_MARK))
		return stop(fanout, -EBADMSG);
	number = strtoull((const char *)payload + strcspn(payload, "0123456789"), NULL, 10);
	if (number >= fanout->published)
		return stop(fanout, -EBADMSG);
	load_times_add(&fanout->times, load_now() - fanout->begun[number]);

	return fanout->times.n == fanout->times.room ? stop(fanout, 0) : 0;
}

/* ---- what goes ---- */

static int on_published(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const sd_bus_error *refusal = sd_bus_message_get_error(reply);

	(void)error;
	if (!refusal)
		return 0;
	(void)fprintf(stderr, "fanout: %s\n", refusal->message);

	return stop(userdata, -EBADE);
}

/* Held in memory, one at a time: what is measured is the way to those who have subscribed. */
static int publish(struct fanout *fanout)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *call = NULL;
	char payload[] = PAYLOAD_MARK;
	int r;

	load_number(load_find_mark(payload), fanout->published);
	r = sd_bus_message_new_method_call(fanout->publisher, &call, SERVICE, fanout->path, LINK,
					   "PublishBytesWith");
	if (r >= 0)
		r = sd_bus_message_append(call, "s", fanout->topic);
	if (r >= 0)
		r = sd_bus_message_append_array(call, 'y', payload, strlen(payload));
	if (r >= 0)
		r = sd_bus_message_append(call, "a{ss}", 2, "durability", "memory", "replace",
					  "yes");
	if (r < 0)
		return r;

	fanout->begun[fanout->published++] = load_now();

	return sd_bus_call_async(fanout->publisher, NULL, call, on_published, fanout, 0);
}

static int on_time(sd_event_source *source, uint64_t due, void *userdata)
{
	struct fanout *fanout = userdata;
	int r;

	if (fanout->published == fanout->wanted)
		return stop(fanout, -ETIMEDOUT);

	r = publish(fanout);
	if (r < 0)
		return stop(fanout, r);
	due += fanout->published < fanout->wanted ? fanout->interval_us : PATIENCE_US;
	r = sd_event_source_set_time(source, due);

	return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* ---- connections ---- */

static int connect_to(struct fanout *fanout, const char *address, sd_bus **ret)
{
	int r = load_bus_open(address, ret);

	return r < 0 ? r : sd_bus_attach_event(*ret, fanout->event, 0);
}

static int subscribe(struct fanout *fanout, sd_bus *bus)
{
	int r = sd_bus_add_filter(bus, NULL, on_signal, fanout);

	return r < 0 ? r
		     : sd_bus_call_method(bus, SERVICE, fanout->path, LINK, "SubscribeWith", NULL,
					  NULL, "sa{ss}", fanout->topic, 1, "origin", "local");
}

static int connect_all(struct fanout *fanout, const char *address, size_t n)
{
	int r = connect_to(fanout, address, &fanout->publisher);

	for (; r >= 0 && fanout->n_subscribers < n; fanout->n_subscribers++) {
		sd_bus **bus = &fanout->subscribers[fanout->n_subscribers];

		r = connect_to(fanout, address, bus);
		if (r >= 0)
			r = subscribe(fanout, *bus);
	}

	return r;
}

static int run(struct fanout *fanout, const char *address, size_t n)
{
	uint64_t now;
	int r;

	r = sd_event_new(&fanout->event);
	if (r >= 0)
		r = connect_all(fanout, address, n);
	if (r >= 0)
		r = sd_event_now(fanout->event, CLOCK_MONOTONIC, &now);
	if (r >= 0)
		r = sd_event_add_time(fanout->event, NULL, CLOCK_MONOTONIC, now, 1, on_time,
				      fanout);
	if (r >= 0)
		r = -sd_event_loop(fanout->event);
	for (size_t i = 0; i < SUBSCRIBERS_MAX; i++)
		(void)sd_bus_flush_close_unref(fanout->subscribers[i]);
	(void)sd_bus_flush_close_unref(fanout->publisher);
	(void)sd_event_unref(fanout->event);

	return r;
}

int main(int argc, char **argv)
{
	static struct fanout fanout;
	size_t n = argc == 7 ? strtoul(argv[4], NULL, 10) : 0;
	int r = -ENOMEM;

	fanout.wanted = argc == 7 ? strtoul(argv[5], NULL, 10) : 0;
	if (n == 0 || n > SUBSCRIBERS_MAX || fanout.wanted == 0 || fanout.wanted > MESSAGES_MAX) {
		(void)fprintf(stderr, "usage: fanout ADDRESS LINK-PATH TOPIC SUBSCRIBERS MESSAGES "
				      "INTERVAL-US\n");
		return EXIT_FAILURE;
	}
	fanout.path = argv[2];
	fanout.topic = argv[3];
	fanout.interval_us = strtoul(argv[6], NULL, 10);
	fanout.begun = calloc(fanout.wanted, sizeof(*fanout.begun));
	if (fanout.begun)
		r = load_times_init(&fanout.times, n * fanout.wanted);
	if (r >= 0)
		r = run(&fanout, argv[1], n);
	if (r < 0)
		(void)fprintf(stderr, "fanout: %s after %zu of %zu signals\n", strerror(-r),
			      fanout.times.n, fanout.times.room);
	else
		(void)printf("%.1f %.1f\n", load_percentile(&fanout.times, 50),
			     load_percentile(&fanout.times, 99));
	load_times_done(&fanout.times);
	free(fanout.begun);

	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
