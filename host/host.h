/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * skybus-plugin-host: one plugin of one link, in a process of its own. It has a socket to the daemon and nothing
 * else, and does what the daemon says there until one of them ends.
 *
 * main.c prepares the process and loads the plugin, sandbox.c shuts it in, calls.c makes the calls that come, lent.c is
 * struct skybus_host for the plugin, with fill.c for requests and responses, settings.c for settings, awaited.c for what
 * is to come back. socket.c speaks with the daemon.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/isolation-codec.h"

#define DEVICE_MAX 256

struct awaited;
struct setting;

/** struct skybus_link - all that this process has of its link; the plugin's handle to it */
struct skybus_link {
	const struct skybus_plugin *plugin;
	void *state; /* the plugin's; NULL before attach() and after detach() */
	bool attached;
	struct sb_packer out;
	struct sb_packets calls; /* that came while an answer was awaited */
	TAILQ_HEAD(, awaited) awaited;
	uint32_t last_number;
	TAILQ_HEAD(, setting) settings;
	struct sb_packet *stored; /* what store_get() has lent */
	char device[DEVICE_MAX]; /* as the daemon was told */
};

/** struct filled - what a plugin has done to a request or a response */
struct filled {
	struct sb_packer steps;
	struct sb_packer payload; /* the last one that was set */
};

/** A plugin's handle to a request. */
struct skybus_request {
	struct skybus_link *link;
	struct filled filled;
};

/** A plugin's handle to a response. */
struct skybus_response {
	struct filled filled;
};

/* ---- sandbox.c ---- */

int sandbox_limit(void);
int sandbox_enter(void);

/* ---- limits.c, or limits-sanitized.c ---- */

extern const uint64_t memory_max;

/* ---- socket.c ---- */

struct sb_packer *packet_begin(struct skybus_link *link, enum sb_packet_kind kind);
void packet_send(struct skybus_link *link);
struct sb_packet *packet_ask(struct skybus_link *link, struct sb_unpacker *ret_answer);
int64_t packet_ask_number(struct skybus_link *link);
struct sb_packet *packet_next_call(struct skybus_link *link);
_Noreturn void cannot(struct skybus_link *link, const char *why);

/* ---- calls.c ---- */

void make_call(struct skybus_link *link, struct sb_packet *packet);

/* ---- lent.c ---- */

extern const struct skybus_host host;

/* ---- fill.c ---- */

void filled_done(struct filled *filled);
void filled_pack(const struct filled *filled, struct sb_packer *out);
void fill_request_method(struct skybus_request *request, uint32_t method);
void fill_request_path(struct skybus_request *request, const char *path);
void fill_request_query(struct skybus_request *request, const char *query);
void fill_request_option(struct skybus_request *request, uint32_t number, const void *value,
			 uint32_t len);
void fill_request_uint(struct skybus_request *request, uint32_t number, uint32_t value);
void fill_request_payload(struct skybus_request *request, const void *data, uint32_t len);
void fill_request_note(struct skybus_request *request, uint64_t note);
void fill_response_code(struct skybus_response *response, uint32_t code);
void fill_response_payload(struct skybus_response *response, uint32_t content_format,
			   const void *data, uint32_t len);
void fill_response_topic(struct skybus_response *response, const char *topic);

/* ---- settings.c ---- */

const char *setting_text(struct skybus_link *link, const char *key);
int64_t setting_integer(struct skybus_link *link, const char *key);
const uint8_t *setting_secret(struct skybus_link *link, const char *key, uint32_t *ret_len);
void settings_wipe(struct skybus_link *link);

/* ---- awaited.c ---- */

typedef void done_fn(void);

struct awaited *awaited_new(struct skybus_link *link, enum sb_packet_kind kind, done_fn *done,
			    void *tag);
uint32_t awaited_number(const struct awaited *awaited);
void awaited_keep(struct skybus_link *link, struct awaited *awaited, int64_t handle);
void awaited_drop(struct awaited *awaited);
done_fn *awaited_take(struct skybus_link *link, enum sb_packet_kind kind, uint32_t number,
		      void **ret_tag);
done_fn *awaited_look(struct skybus_link *link, enum sb_packet_kind kind, uint32_t number,
		      void **ret_tag);
void awaited_forget(struct skybus_link *link, enum sb_packet_kind kind);
void awaited_forget_handle(struct skybus_link *link, enum sb_packet_kind kind, int64_t handle);
