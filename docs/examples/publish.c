/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that publishes a message, waits for its end, and prints that: "delivered 2.04".
 *
 *   cc -o publish publish.c $(pkg-config --cflags --libs libsystemd)
 *   ./publish LINK TOPIC TEXT
 *
 * LINK is a link of skybusd. It uses the system bus, or the one that DBUS_SYSTEM_BUS_ADDRESS
 * names. It ends with 0 if the cloud has the message.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define SERVICE "io.skybus.Gateway1"
#define ROOT "/io/skybus/Gateway1"
#define WAIT_S 60

static int publish(sd_bus *bus, char **argv, uint64_t *ret_ticket, sd_bus_error *error)
{
	sd_bus_message *reply = NULL;
	char *path = NULL;
	int r;

	r = sd_bus_path_encode(ROOT "/link", argv[1], &path);
	if (r >= 0)
		r = sd_bus_call_method(bus, SERVICE, path, SERVICE ".Link", "Publish", error,
				       &reply, "ss", argv[2], argv[3]);
	if (r >= 0)
		r = sd_bus_message_read(reply, "t", ret_ticket);
	sd_bus_message_unref(reply);
	free(path);

	return r;
}

/* Prints how it ended; positive if the cloud has it. */
static int wait_for_end(sd_bus *bus, uint64_t ticket, sd_bus_error *error)
{
	const char *outcome, *code, *reason;
	sd_bus_message *reply = NULL;
	int r;

	/* The bus waits longer than the daemon is told to. */
	sd_bus_set_method_call_timeout(bus, (WAIT_S + 30) * UINT64_C(1000000));
	r = sd_bus_call_method(bus, SERVICE, ROOT, SERVICE ".Manager", "WaitTicket", error, &reply,
			       "tu", ticket, WAIT_S);
	if (r >= 0)
		r = sd_bus_message_read(reply, "sss", &outcome, &code, &reason);
	if (r >= 0) {
		(void)printf("%s %s%s%s\n", outcome, code, *reason ? " " : "", reason);
		r = strcmp(outcome, "delivered") == 0;
	}
	sd_bus_message_unref(reply);

	return r;
}

int main(int argc, char **argv)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus *bus = NULL;
	uint64_t ticket;
	int r;

	if (argc != 4) {
		(void)fprintf(stderr, "usage: %s LINK TOPIC TEXT\n", argv[0]);
		return 2;
	}
	r = sd_bus_open_system(&bus);
	if (r >= 0)
		r = publish(bus, argv, &ticket, &error);
	if (r >= 0)
		r = wait_for_end(bus, ticket, &error);
	if (r < 0)
		(void)fprintf(stderr, "%s\n", error.message ? error.message : strerror(-r));
	sd_bus_error_free(&error);
	sd_bus_flush_close_unref(bus);

	return r > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
