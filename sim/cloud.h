/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a cloud is to the simulator: a name and a function that answers one request.
 *
 * A cloud sees no socket, no clock and no CoAP library. Its requests come parsed, dated and free of
 * repetitions and of block-wise pieces; its replies go back as values. So a cloud is one file and a
 * row in main.c, and a test of it needs no network.
 */
#include <stddef.h>
#include <stdint.h>

#include "sim/reply.h"
#include "sim/setup.h"

struct sim_http_reply;
struct sim_http_request;
struct sim_record;
struct sim_cloud;

/** How a door is locked. */
enum sim_lock {
	SIM_PLAIN, /* CoAP over UDP */
	SIM_PSK, /* CoAP over DTLS, pre-shared keys */
	SIM_PSK_OR_CERTIFICATE, /* the same, and the server has a certificate of the simulator's CA */
	SIM_HTTPS, /* HTTPS, with such a certificate */
};

/** struct sim_door - one of a cloud's ports; @name is its word on stdout */
struct sim_door {
	const char *name;
	enum sim_lock lock;
};

#define SIM_USEC_PER_SEC UINT64_C(1000000)

/** The longest pre-shared key, in bytes. */
#define SIM_PSK_MAX 64

/** The largest payload that a cloud is given, in bytes; beyond it the sender gets 4.13. */
#define SIM_PAYLOAD_MAX 1024

/** The longest path, with its terminating zero. */
#define SIM_PATH_MAX 512

/* CoAP methods that clouds know by name, RFC 7252 section 12.1.1. */
enum {
	SIM_GET = 1,
	SIM_POST = 2,
};

/** struct sim_option - one option of a request; @value is lent with the request */
struct sim_option {
	uint16_t number;
	uint16_t len;
	const uint8_t *value;
};

/**
 * struct sim_request - one request
 * @now: when it came, CLOCK_BOOTTIME and whatever the clock was shifted by, µs
 * @door: by which of the cloud's doors, counted from 0
 * @identity: the PSK identity of the session; NULL without
 * @peer: who sent it, "127.0.0.1:40000"; the same text for the same address, always
 * @method: SIM_GET … or any other method's code
 * @path: the Uri-Path options, each behind a slash; "/" when there is none
 * @options: all others, ascending
 * @n_options: how many
 * @payload: never NULL
 * @payload_len: at most SIM_PAYLOAD_MAX
 *
 * Everything in it is lent until serve() returns.
 */
struct sim_request {
	uint64_t now;
	size_t door;
	const char *identity;
	const char *peer;
	uint8_t method;
	const char *path;
	const struct sim_option *options;
	size_t n_options;
	const uint8_t *payload;
	size_t payload_len;
};

/**
 * struct sim_cloud_type - the rules of one cloud
 * @name: its word in the record and on the control socket
 * @doors: its ports; where there is one, it has the name of the cloud
 * @n_doors: how many
 * @critical: option numbers that are critical and known, ended by 0 (RFC 7252 section 5.4.1)
 * @make: a cloud for the devices of @setup, which outlives it, as does @record
 * @free: takes NULL, returns NULL
 * @command: puts @command, which outlives the cloud, into the cache of its device; -ENOENT when
 *	it is for no device of this cloud, -ENOBUFS when the cache is full, -EMSGSIZE when it is too long;
 *	NULL: this cloud caches none
 * @changed: something that can be observed is @command's payload now, at its topic: @reply comes empty
 *	and leaves as the notification; -ENOENT when nothing there can be observed, -EMSGSIZE when it is too
 *	long; NULL: nothing can
 * @serve: answers a request; @reply comes empty, with code 0, and leaves with a code
 * @key: the pre-shared key of an identity, of at most SIM_PSK_MAX bytes; -ENOENT when it is nobody's,
 *	for a reason that is in the record; NULL without a door that needs keys
 * @fetch: answers an HTTPS request; NULL without such a door
 * @expire: every login and every token ends, as if its time were over; NULL: there are none
 * @rotate: the secret or key of a device is another from now on; -ENOENT: no such device
 * @opened: a door is open, and clients go to @url, "coaps://127.0.0.1:40000", lent; told each time
 *	that it opens, before its first request; NULL: nobody here wants to know
 */
struct sim_cloud_type {
	const char *name;
	const struct sim_door *doors;
	size_t n_doors;
	const uint16_t *critical;
	struct sim_cloud *(*make)(const struct sim_cloud_type *type, const struct sim_setup *setup,
				  struct sim_record *record);
	struct sim_cloud *(*free)(struct sim_cloud *cloud);
	int (*command)(struct sim_cloud *cloud, const struct sim_command *command);
	int (*changed)(struct sim_cloud *cloud, const struct sim_command *command,
		       struct sim_reply *reply);
	void (*serve)(struct sim_cloud *cloud, const struct sim_request *request,
		      struct sim_reply *reply);
	int (*key)(struct sim_cloud *cloud, size_t door, const char *identity,
		   uint8_t ret_key[SIM_PSK_MAX], size_t *ret_len);
	void (*fetch)(struct sim_cloud *cloud, const struct sim_http_request *request,
		      struct sim_http_reply *reply);
	void (*expire)(struct sim_cloud *cloud);
	int (*rotate)(struct sim_cloud *cloud, const char *device, const char *secret);
	void (*opened)(struct sim_cloud *cloud, size_t door, const char *url);
};

/** struct sim_cloud - the head of every cloud's own struct */
struct sim_cloud {
	const struct sim_cloud_type *type;
	struct sim_record *record;
};

/** The option @number of @request; NULL when it has none. */
static inline const struct sim_option *sim_request_option(const struct sim_request *request,
							  uint16_t number)
{
	for (size_t i = 0; i < request->n_options; i++)
		if (request->options[i].number == number)
			return &request->options[i];

	return NULL;
}

extern const struct sim_cloud_type sim_enos_v1;
extern const struct sim_cloud_type sim_enos_v2;
extern const struct sim_cloud_type sim_enos_dtls;
extern const struct sim_cloud_type sim_aliyun;
extern const struct sim_cloud_type sim_1nce;
extern const struct sim_cloud_type sim_scripted;
