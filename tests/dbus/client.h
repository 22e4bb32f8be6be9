/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An app on the bus, on the same loop as what it talks to: while it waits for a reply or a signal,
 * the loop turns. It hears every signal that the bus lets it hear, and keeps them in order.
 */
#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-bus.h>

#include "daemon/loop.h"

#define CLIENT_SIGNALS_MAX 64

struct client {
	struct sb_loop *loop;
	sd_bus *bus;
	sd_bus_message *signals[CLIENT_SIGNALS_MAX];
	size_t n_signals;
};

/** struct client_call - a method call on its way; zeroed before */
struct client_call {
	sd_bus_slot *slot;
	sd_bus_message *reply; /* NULL until it comes */
};

struct client *client_new(struct sb_loop *loop, const char *address);
struct client *client_free(struct client *client);
const char *client_name(const struct client *client);

void client_begin_message(struct client *client, struct client_call *call, sd_bus_message *message);
void client_begin(struct client *client, struct client_call *call, const char *path,
		  const char *method, const char *types, ...);
sd_bus_message *client_end(struct client *client, struct client_call *call);
void client_call_done(struct client_call *call);

sd_bus_message *client_signal(const struct client *client, const char *member, size_t index);
sd_bus_message *client_wait_signal(struct client *client, const char *member);
void client_forget_signals(struct client *client);
void client_settle_down(struct client *client);
void client_flush(struct client *client);

void loop_settle_down(struct sb_loop *loop);
bool loop_until(struct sb_loop *loop, bool (*reached)(void *userdata), void *userdata);
