/* SPDX-License-Identifier: Apache-2.0 */

/*
 * EnOS over DTLS with pre-shared keys. There is no login beside the handshake, whose identity
 * says all: "{product key},{device key},{secure mode},{lifetime}".
 *
 * In secure mode 2 the key is made of the device's secret, and the device may do what it may over
 * plain CoAP. In secure mode 3 it is made of the product's, and there is one thing to ask for: the
 * device's secret, to come back with in mode 2.
 *
 * A session begins with the first request after a handshake, and is known by its identity and its
 * address. A cloud is told of a handshake when its key is asked for, which is before it has
 * succeeded; so a handshake that fails does not end the session that a device has. A device that
 * was silent for its lifetime gets 4.01 until the next handshake.
 *
 * EnOS blocks a device that connects four times in two minutes; this one does not, lest a test of
 * reconnecting takes minutes.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cipher.h"
#include "sim/cleanup.h"
#include "sim/cloud.h"
#include "sim/enos-device.h"
#include "sim/enos-exchange.h"
#include "sim/record.h"

/** Two keys, a mode of one digit, a lifetime of five, commas between, and a terminating zero. */
#define IDENTITY_SIZE (2 * SIM_KEY_MAX + 10)

/**
 * struct identity - a PSK identity, taken apart
 * @product_key: its first part
 * @name: "product key/device key"
 * @secure_mode: SIM_ENOS_BY_DEVICE or SIM_ENOS_BY_PRODUCT
 * @lifetime: in seconds
 */
struct identity {
	char product_key[SIM_KEY_MAX + 1];
	char name[2 * SIM_KEY_MAX + 2];
	unsigned int secure_mode;
	unsigned int lifetime;
};

/**
 * struct channel - what is known of a device's handshakes, beside its session
 * @expected: the identity of the last one, until its first request; "" when there is none
 * @current: the identity of the session; "" when there is none
 */
struct channel {
	char expected[IDENTITY_SIZE];
	char current[IDENTITY_SIZE];
};

/**
 * struct enos_dtls - the cloud
 * @cloud: what the endpoint sees
 * @setup: lent
 * @devices: who may connect
 * @channels: one each, in the same order; owned
 * @n_activations: how often a secret was asked for
 */
struct enos_dtls {
	struct sim_cloud cloud;
	const struct sim_setup *setup;
	struct sim_enos_devices devices;
	struct channel *channels;
	uint64_t n_activations;
};

static struct enos_dtls *enos_of(struct sim_cloud *cloud)
{
	return sim_container_of(cloud, struct enos_dtls, cloud);
}

static struct channel *channel_of(struct enos_dtls *enos, const struct sim_enos_device *device)
{
	return &enos->channels[device - enos->devices.all];
}

/* ---- Handshakes ------------------------------------------------------------------------------ */

/*
 * Writing the identity again from what was read lets exactly one way to write its numbers pass: no
 * sign, no leading zero, nothing behind them.
 */
static bool parse_identity(const char *text, struct identity *ret)
{
	char device_key[SIM_KEY_MAX + 1], again[IDENTITY_SIZE];
	struct identity identity;

	if (sscanf(text, "%64[^,],%64[^,],%1u,%5u", identity.product_key, device_key,
		   &identity.secure_mode, &identity.lifetime) != 4)
		return false;
	(void)snprintf(again, sizeof(again), "%s,%s,%u,%u", identity.product_key, device_key,
		       identity.secure_mode, identity.lifetime);
	if (strcmp(text, again) != 0)
		return false;
	if (identity.secure_mode != SIM_ENOS_BY_DEVICE &&
	    identity.secure_mode != SIM_ENOS_BY_PRODUCT)
		return false;
	if (identity.lifetime < SIM_ENOS_LIFETIME_MIN || identity.lifetime > SIM_ENOS_LIFETIME_MAX)
		return false;

	(void)snprintf(identity.name, sizeof(identity.name), "%s/%s", identity.product_key,
		       device_key);
	*ret = identity;

	return true;
}

static int refuse_handshake(struct enos_dtls *enos, const char *identity, const char *reason)
{
	sim_record_write(enos->cloud.record, &(struct sim_event){
						     .event = "login-refused",
						     .cloud = enos->cloud.type->name,
						     .identity = identity,
						     .reason = reason,
					     });

	return -ENOENT;
}

static int enos_dtls_key(struct sim_cloud *cloud, size_t door, const char *text,
			 uint8_t ret_key[SIM_PSK_MAX], size_t *ret_len)
{
	struct enos_dtls *enos = enos_of(cloud);
	const struct sim_enos_device *device;
	struct identity identity;
	const char *secret;

	(void)door;
	if (!parse_identity(text, &identity))
		return refuse_handshake(enos, text,
					"not {product key},{device key},{2 or 3},{30 to 86400}");
	device = sim_enos_devices_named(&enos->devices, identity.name);
	if (!device)
		return refuse_handshake(enos, text, "unknown device");
	secret = identity.secure_mode == SIM_ENOS_BY_DEVICE
			 ? device->secret
			 : sim_setup_product_secret(enos->setup, identity.product_key);
	if (!secret)
		return refuse_handshake(enos, text, "the product has no secret");
	if (sim_cipher_key(secret, ret_key) < 0)
		return -EIO;

	*ret_len = SIM_CIPHER_KEY_LEN;
	(void)strcpy(channel_of(enos, device)->expected, text);

	return 0;
}

/* ---- Requests -------------------------------------------------------------------------------- */

static bool begin_session(struct sim_enos_exchange *exchange, struct sim_enos_device *device,
			  const struct identity *identity)
{
	struct enos_dtls *enos = enos_of(exchange->cloud);
	const struct sim_request *request = exchange->request;
	struct channel *channel = channel_of(enos, device);

	if (sim_enos_login(&enos->devices, device, request->peer, identity->lifetime,
			   request->now) < 0) {
		sim_enos_refuse(exchange, "login-refused", SIM_CODE(5, 0),
				"no session can be made");
		return false;
	}
	(void)strcpy(channel->current, channel->expected);
	channel->expected[0] = '\0';
	/* The handshake was the login, wherever this request goes. */
	exchange->topic = NULL;
	sim_enos_note(exchange, "login", NULL, NULL);

	return true;
}

/* Whether the request belongs to a session or begins one; if not, it is refused. */
static bool authenticate(struct sim_enos_exchange *exchange, struct identity *ret_identity)
{
	struct enos_dtls *enos = enos_of(exchange->cloud);
	const struct sim_request *request = exchange->request;
	struct sim_enos_device *device = NULL;
	const struct channel *channel;

	if (request->identity && parse_identity(request->identity, ret_identity))
		device = sim_enos_devices_named(&enos->devices, ret_identity->name);
	if (!device) {
		sim_enos_refuse(exchange, "refused", SIM_CODE(4, 1), "no identity of a device");
		return false;
	}
	exchange->device = device;
	channel = channel_of(enos, device);
	if (strcmp(channel->current, request->identity) == 0 &&
	    sim_enos_devices_at(&enos->devices, request->peer, request->now) == device) {
		sim_enos_renew(device, request->now);
		return true;
	}
	if (strcmp(channel->expected, request->identity) == 0)
		return begin_session(exchange, device, ret_identity);
	sim_enos_refuse(exchange, "refused", SIM_CODE(4, 1),
			"the session is over, or another has taken its place");

	return false;
}

static bool is_activation(const struct sim_enos_exchange *exchange)
{
	char topic[sizeof(exchange->device->name) + sizeof("/ext/session//thing/activate/info")];

	(void)snprintf(topic, sizeof(topic), "/ext/session/%s/thing/activate/info",
		       exchange->device->name);

	return exchange->request->method == SIM_GET && strcmp(exchange->topic, topic) == 0;
}

static void serve_activation(struct sim_enos_exchange *exchange)
{
	struct enos_dtls *enos = enos_of(exchange->cloud);
	const struct sim_enos_device *device = exchange->device;
	SIM_CLEANUP(free) char *text = NULL;
	json_auto_t *reply = NULL;
	char id[24], asset[24];

	if (!is_activation(exchange)) {
		sim_enos_refuse(exchange, "refused", SIM_CODE(4, 1),
				"in secure mode 3 one can only ask for the device's secret");
		return;
	}

	(void)snprintf(id, sizeof(id), "%" PRIu64, ++enos->n_activations);
	(void)snprintf(asset, sizeof(asset), "asset%zu", (size_t)(device - enos->devices.all) + 1);
	reply = json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s}}", "id", id, "version", "1.0",
			  "method", "thing.activate.info", "params", "assetId", asset, "productKey",
			  device->id->product_key, "deviceKey", device->id->device_key,
			  "deviceSecret", device->secret);
	text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
	if (!text) {
		sim_enos_refuse(exchange, "refused", SIM_CODE(5, 0), "no reply can be made");
		return;
	}
	sim_enos_note(exchange, "onboarding", NULL, NULL);
	sim_enos_answer(exchange, SIM_CODE(2, 5), text);
}

static void serve_topic(struct sim_enos_exchange *exchange)
{
	uint8_t method = exchange->request->method;

	if (method == SIM_POST) {
		sim_enos_publish(exchange);
	} else if (method == SIM_GET) {
		sim_enos_fetch(exchange);
	} else {
		sim_enos_refuse(exchange, "refused", SIM_CODE(4, 5), "a topic has POST and GET");
		return;
	}
	if (SIM_CODE_CLASS(exchange->reply->code) == 2)
		sim_enos_announce(exchange);
}

static void enos_dtls_serve(struct sim_cloud *cloud, const struct sim_request *request,
			    struct sim_reply *reply)
{
	struct sim_enos_exchange exchange = {
		.cloud = cloud,
		.request = request,
		.reply = reply,
		.topic = request->path,
	};
	const char *topic = sim_enos_path_topic(request->path);
	struct identity identity;

	if (!authenticate(&exchange, &identity))
		return;

	exchange.topic = topic ? topic : request->path;
	if (identity.secure_mode == SIM_ENOS_BY_PRODUCT)
		serve_activation(&exchange);
	else if (topic)
		serve_topic(&exchange);
	else
		sim_enos_refuse(&exchange, "refused", SIM_CODE(4, 4), "no such path");
}

/* ---- Life ------------------------------------------------------------------------------------ */

static struct sim_cloud *enos_dtls_free(struct sim_cloud *cloud)
{
	struct enos_dtls *enos;

	if (!cloud)
		return NULL;

	enos = enos_of(cloud);
	free(enos->channels);
	sim_enos_devices_done(&enos->devices);
	free(enos);

	return NULL;
}

static struct sim_cloud *enos_dtls_new(const struct sim_cloud_type *type,
				       const struct sim_setup *setup, struct sim_record *record)
{
	struct enos_dtls *enos = calloc(1, sizeof(*enos));

	if (!enos)
		return NULL;

	enos->cloud = (struct sim_cloud){ .type = type, .record = record };
	enos->setup = setup;
	enos->channels = calloc(setup->n_devices + 1, sizeof(*enos->channels));
	if (!enos->channels || sim_enos_devices_init(&enos->devices, setup) < 0)
		return enos_dtls_free(&enos->cloud);

	return &enos->cloud;
}

static int enos_dtls_command(struct sim_cloud *cloud, const struct sim_command *command)
{
	return sim_enos_command_add(&enos_of(cloud)->devices, command);
}

static void enos_dtls_expire(struct sim_cloud *cloud)
{
	struct enos_dtls *enos = enos_of(cloud);

	sim_enos_devices_expire(&enos->devices);
	for (size_t i = 0; i < enos->devices.n_all; i++) {
		enos->channels[i].expected[0] = '\0';
		enos->channels[i].current[0] = '\0';
	}
}

static int enos_dtls_rotate(struct sim_cloud *cloud, const char *name, const char *secret)
{
	struct sim_enos_device *device = sim_enos_devices_named(&enos_of(cloud)->devices, name);

	return device ? sim_enos_rotate(device, secret) : -ENOENT;
}

static const struct sim_door doors[] = { { "enos-dtls", SIM_PSK } };
static const uint16_t no_options[] = { 0 };

const struct sim_cloud_type sim_enos_dtls = {
	.name = "enos-dtls",
	.doors = doors,
	.n_doors = SIM_ELEMENTS(doors),
	.critical = no_options,
	.make = enos_dtls_new,
	.free = enos_dtls_free,
	.command = enos_dtls_command,
	.serve = enos_dtls_serve,
	.key = enos_dtls_key,
	.expire = enos_dtls_expire,
	.rotate = enos_dtls_rotate,
};
