/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that gets commands from the cloud, prints them, and answers each that wants an answer:
 *
 *   cc -o subscribe subscribe.c $(pkg-config --cflags --libs libsystemd)
 *   ./subscribe LINK [FILTER [ANSWER [INBOX]]]
 *
 * LINK is a link of skybusd, FILTER an MQTT filter ("#" unless given), ANSWER what each command is
 * answered with ("{}" unless given). With INBOX, a name, it misses none: what comes while it does not run
 * waits on disk until it has printed it; that may come again if it ends just then. It uses the system bus,
 * or the one that DBUS_SYSTEM_BUS_ADDRESS names.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define SERVICE "io.skybus.Gateway1"
#define LINK SERVICE ".Link"

static const char *answer = "{}";
static const char *inbox;

/* Whether the cloud waits for an answer: the signal's properties hold "answer-by" then. */
static int wants_answer(sd_bus_message *signal)
{
	const char *name;
	int found = 0;
	int r;

	r = sd_bus_message_enter_container(signal, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(signal, 'e', "sv")) > 0) {
		r = sd_bus_message_read(signal, "s", &name);
		if (r >= 0 && strcmp(name, "answer-by") == 0)
			found = 1;
		if (r >= 0)
			r = sd_bus_message_skip(signal, "v");
		if (r >= 0)
			r = sd_bus_message_exit_container(signal);
	}

	return r < 0 ? r : found;
}

static int on_message(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
	sd_bus *bus = sd_bus_message_get_bus(signal);
	const char *path = sd_bus_message_get_path(signal);
	const void *payload;
	const char *topic;
	uint64_t number;
	size_t len;
	int r;

	(void)userdata;
	(void)error;
	r = sd_bus_message_read(signal, "ts", &number, &topic);
	if (r >= 0)
		r = sd_bus_message_read_array(signal, 'y', &payload, &len);
	if (r < 0)
		return r;
	(void)printf("%s %.*s\n", topic, (int)len, (const char *)payload);
	(void)fflush(stdout);

	r = wants_answer(signal);
	/* The ticket in the reply would tell whether the answer has arrived. */
	if (r > 0)
		r = sd_bus_call_method_async(bus, NULL, SERVICE, path, LINK, "Answer", NULL, NULL,
					     "tss", number, "", answer);
	if (r >= 0 && inbox)
		r = sd_bus_call_method_async(bus, NULL, SERVICE, path, LINK, "Acknowledge", NULL,
					     NULL, "t", number);

	return r;
}

static int subscribe(sd_bus *bus, const char *link, const char *filter)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char *path = NULL;
	int r;

	r = sd_bus_path_encode("/io/skybus/Gateway1/link", link, &path);
	if (r >= 0)
		r = sd_bus_match_signal(bus, NULL, SERVICE, path, LINK, "Message", on_message,
					NULL);
	if (r >= 0 && inbox)
		r = sd_bus_call_method(bus, SERVICE, path, LINK, "SubscribeDurableWith", &error,
				       NULL, "ssa{ss}", inbox, filter, 1, "answer", "yes");
	else if (r >= 0)
		r = sd_bus_call_method(bus, SERVICE, path, LINK, "SubscribeWith", &error, NULL,
				       "sa{ss}", filter, 1, "answer", "yes");
	if (r < 0)
		(void)fprintf(stderr, "cannot subscribe: %s\n",
			      error.message ? error.message : strerror(-r));
	else
		(void)printf("subscribed to %s\n", filter);
	(void)fflush(stdout);
	sd_bus_error_free(&error);
	free(path);

	return r;
}

int main(int argc, char **argv)
{
	sd_bus *bus = NULL;
	int r;

	if (argc < 2) {
		(void)fprintf(stderr, "usage: %s LINK [FILTER [ANSWER [INBOX]]]\n", argv[0]);
		return 2;
	}
	if (argc > 3)
		answer = argv[3];
	if (argc > 4)
		inbox = argv[4];
	r = sd_bus_open_system(&bus);
	if (r < 0)
		(void)fprintf(stderr, "no bus: %s\n", strerror(-r));
	else
		r = subscribe(bus, argv[1], argc > 2 ? argv[2] : "#");
	while (r >= 0) {
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
	}
	sd_bus_flush_close_unref(bus);

	return 1;
}
