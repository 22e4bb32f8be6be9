/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the message bus alone costs: a service whose PublishBytes and Request have the signatures of the
 * daemon's, at every path, and answer at once. Says "ready" when it can be called, and runs until it is
 * ended.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "daemon/cleanup.h"
#include "tests/bench/load-bus.h"

SB_DEFINE_CLEANUP(sd_bus *, sd_bus_flush_close_unref)
SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

static int on_publish(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	uint64_t *ticket = userdata;
	const void *payload;
	const char *topic;
	size_t len;
	int r;

	(void)error;
	r = sd_bus_message_read_basic(call, 's', &topic);
	if (r >= 0)
		r = sd_bus_message_read_array(call, 'y', &payload, &len);

	return r < 0 ? r : sd_bus_reply_method_return(call, "t", ++*ticket);
}

static int on_request(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	const char *topic, *text;
	uint32_t timeout_s;
	int r;

	(void)userdata;
	(void)error;
	r = sd_bus_message_read(call, "ssu", &topic, &text, &timeout_s);
	if (r >= 0)
		r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_append(reply, "s", "2.04");
	if (r >= 0)
		r = sd_bus_message_append_array(reply, 'y', text, 0);

	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("PublishBytes", "say", "t", on_publish, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Request", "ssu", "say", on_request, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

/* There is the same object everywhere. */
static int find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
		sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)error;
	*ret = userdata;

	return 1;
}

static int serve(const char *address, const char *name)
{
	SB_CLEANUP(sd_bus_flush_close_unref) sd_bus *bus = NULL;
	uint64_t ticket = 0;
	int r;

	r = load_bus_open(address, &bus);
	if (r >= 0)
		r = sd_bus_add_fallback_vtable(bus, NULL, "/", "io.skybus.Gateway1.Link", vtable,
					       find, &ticket);
	if (r >= 0)
		r = sd_bus_request_name(bus, name, 0);
	if (r < 0)
		return r;

	(void)puts("ready");
	(void)fflush(stdout);
	while ((r = sd_bus_process(bus, NULL)) >= 0)
		if (r == 0)
			(void)sd_bus_wait(bus, UINT64_MAX);

	return r;
}

int main(int argc, char **argv)
{
	int r;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: echo ADDRESS NAME\n");
		return EXIT_FAILURE;
	}
	r = serve(argv[1], argv[2]);
	(void)fprintf(stderr, "echo: %s\n", strerror(-r));

	return EXIT_FAILURE;
}
