/* SPDX-License-Identifier: Apache-2.0 */

/*
 * EnOS over plain CoAP, both generations.
 *
 * A device logs in with POST /auth/{product key}/{device key} and a signature; from then on it is
 * known by its address. The first generation answers the login with a token and wants every later
 * request signed with it and with a number that rises; the second answers with a code alone.
 *
 * Messages are posted to /topic{MQTT topic}. The cloud never calls a device: what it wants is
 * announced in the reply to whatever the device asks, its login included. The first generation
 * names a path in option 2100, from which the device gets the command; the second puts the command
 * beside it, in option 2102.
 *
 * What is refused, and how: a path that does not exist 4.04, a method that it does not have 4.05, a
 * sender who is not logged in or signs wrongly 4.01, a topic of another device 4.03, of nobody
 * 4.04. They are asked in this order, so a stranger learns nothing of topics.
 */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/cleanup.h"
#include "sim/cloud.h"
#include "sim/enos-device.h"
#include "sim/enos-exchange.h"
#include "sim/enos-sign.h"

/* Options of EnOS: the signature of a request, a command that comes along with its announcement. */
#define OPTION_SIGNATURE 2101
#define OPTION_COMMAND 2102

/**
 * struct enos - a cloud of one generation
 * @cloud: what the endpoint sees
 * @devices: who may log in
 */
struct enos {
	struct sim_cloud cloud;
	struct sim_enos_devices devices;
};

static struct enos *enos_of(struct sim_cloud *cloud)
{
	return sim_container_of(cloud, struct enos, cloud);
}

static bool is_signed(const struct sim_enos_exchange *exchange)
{
	return exchange->cloud->type == &sim_enos_v1;
}

/*
 * Announces the oldest command that waits. In the second generation it comes along, and so waits no
 * more.
 */
static void announce(struct sim_enos_exchange *exchange)
{
	const struct sim_enos_device *device = exchange->device;
	const struct sim_command *command = device->n_commands > 0 ? device->commands[0] : NULL;

	sim_enos_announce(exchange);
	if (is_signed(exchange) || !command ||
	    sim_reply_add(exchange->reply, OPTION_COMMAND, command->payload,
			  strlen(command->payload)) < 0)
		return;

	(void)sim_enos_command_take(exchange->device, command->topic);
	sim_enos_note_command(exchange, command);
}

static void refuse(struct sim_enos_exchange *exchange, uint8_t code, const char *reason)
{
	sim_enos_refuse(exchange, "refused", code, reason);
}

static void refuse_login(struct sim_enos_exchange *exchange, uint8_t code, const char *reason)
{
	sim_enos_refuse(exchange, "login-refused", code, reason);
}

/* ---- Logging in ------------------------------------------------------------------------------ */

/* Reads {"secureMode": 2, "lifetime": 3600, "sign": "…"}; the numbers are JSON integers. */
static json_t *parse_login(const struct sim_request *request, uint32_t *ret_lifetime,
			   const char **ret_sign)
{
	json_auto_t *root = NULL;
	json_int_t secure_mode, lifetime;
	const char *sign;

	root = json_loadb((const char *)request->payload, request->payload_len,
			  JSON_REJECT_DUPLICATES, NULL);
	if (json_unpack(root, "{s:I, s:I, s:s}", "secureMode", &secure_mode, "lifetime", &lifetime,
			"sign", &sign) < 0)
		return NULL;
	if (secure_mode != SIM_ENOS_BY_DEVICE || lifetime < SIM_ENOS_LIFETIME_MIN ||
	    lifetime > SIM_ENOS_LIFETIME_MAX)
		return NULL;

	*ret_lifetime = (uint32_t)lifetime;
	*ret_sign = sign;

	return json_incref(root);
}

static bool is_genuine(const struct sim_enos_device *device, uint32_t lifetime, const char *sign)
{
	char expected[SIM_ENOS_SIGN_SIZE];

	return sim_enos_sign(device->id, device->secret, lifetime, expected) == 0 &&
	       strcasecmp(sign, expected) == 0;
}

static void welcome(struct sim_enos_exchange *exchange)
{
	char payload[SIM_ENOS_TOKEN_SIZE + 16];

	sim_enos_note(exchange, "login", NULL, NULL);
	if (is_signed(exchange)) {
		(void)snprintf(payload, sizeof(payload), "{\"token\":\"%s\"}",
			       exchange->device->session.token);
		sim_enos_answer(exchange, SIM_CODE(2, 5), payload);
	} else {
		sim_enos_answer(exchange, SIM_CODE(2, 4), NULL);
	}
	announce(exchange);
}

static void serve_login(struct sim_enos_exchange *exchange, const char *name)
{
	struct sim_enos_devices *devices = &enos_of(exchange->cloud)->devices;
	const struct sim_request *request = exchange->request;
	struct sim_enos_device *device;
	json_auto_t *login = NULL;
	uint32_t lifetime;
	const char *sign;

	if (!strchr(name, '/')) {
		refuse(exchange, SIM_CODE(4, 4), "no such path");
		return;
	}
	if (request->method != SIM_POST) {
		refuse_login(exchange, SIM_CODE(4, 5), "a login is a POST");
		return;
	}
	login = parse_login(request, &lifetime, &sign);
	if (!login) {
		refuse_login(exchange, SIM_CODE(4, 0),
			     "not JSON with secureMode 2, lifetime 30 to 86400 and sign");
		return;
	}
	device = sim_enos_devices_named(devices, name);
	if (!device || !is_genuine(device, lifetime, sign)) {
		refuse_login(exchange, SIM_CODE(4, 1), device ? "wrong sign" : "unknown device");
		return;
	}
	if (sim_enos_login(devices, device, request->peer, lifetime, request->now) < 0) {
		refuse_login(exchange, SIM_CODE(5, 0), "no session can be made");
		return;
	}
	exchange->device = device;
	welcome(exchange);
}

/* ---- Topics ---------------------------------------------------------------------------------- */

/* Whether the request comes from a device that is logged in; if not, it is refused. */
static bool authenticate(struct sim_enos_exchange *exchange)
{
	const struct sim_request *request = exchange->request;
	const struct sim_option *option = sim_request_option(request, OPTION_SIGNATURE);
	struct sim_enos_device *device;

	device = sim_enos_devices_at(&enos_of(exchange->cloud)->devices, request->peer,
				     request->now);
	if (!device) {
		refuse(exchange, SIM_CODE(4, 1), "not logged in");
		return false;
	}
	exchange->device = device;
	if (is_signed(exchange)) {
		if (!option ||
		    sim_enos_sequence(device->sign_key, device->session.token, option->value,
				      option->len, &exchange->sequence) < 0) {
			refuse(exchange, SIM_CODE(4, 1), "not signed, or wrongly");
			return false;
		}
		if (!sim_enos_advance(device, exchange->sequence)) {
			refuse(exchange, SIM_CODE(4, 1), "the sequence does not rise");
			return false;
		}
	}
	sim_enos_renew(device, request->now);

	return true;
}

static void serve_topic(struct sim_enos_exchange *exchange)
{
	uint8_t method = exchange->request->method;

	if (method != SIM_POST && method != SIM_GET) {
		refuse(exchange, SIM_CODE(4, 5), "a topic has POST and GET");
		return;
	}
	if (!authenticate(exchange))
		return;

	if (method == SIM_POST)
		sim_enos_publish(exchange);
	else
		sim_enos_fetch(exchange);
	if (SIM_CODE_CLASS(exchange->reply->code) == 2)
		announce(exchange);
}

static void enos_serve(struct sim_cloud *cloud, const struct sim_request *request,
		       struct sim_reply *reply)
{
	struct sim_enos_exchange exchange = {
		.cloud = cloud,
		.request = request,
		.reply = reply,
		.topic = request->path,
	};
	const char *topic = sim_enos_path_topic(request->path);

	if (strncmp(request->path, "/auth/", 6) == 0) {
		serve_login(&exchange, request->path + 6);
	} else if (topic) {
		exchange.topic = topic;
		serve_topic(&exchange);
	} else {
		refuse(&exchange, SIM_CODE(4, 4), "no such path");
	}
}

/* ---- Life ------------------------------------------------------------------------------------ */

static struct sim_cloud *enos_free(struct sim_cloud *cloud)
{
	struct enos *enos;

	if (!cloud)
		return NULL;

	enos = enos_of(cloud);
	sim_enos_devices_done(&enos->devices);
	free(enos);

	return NULL;
}

static struct sim_cloud *enos_new(const struct sim_cloud_type *type, const struct sim_setup *setup,
				  struct sim_record *record)
{
	struct enos *enos = calloc(1, sizeof(*enos));

	if (!enos)
		return NULL;

	enos->cloud = (struct sim_cloud){ .type = type, .record = record };
	if (sim_enos_devices_init(&enos->devices, setup) < 0)
		return enos_free(&enos->cloud);

	return &enos->cloud;
}

static int enos_command(struct sim_cloud *cloud, const struct sim_command *command)
{
	struct enos *enos = enos_of(cloud);

	return sim_enos_command_add(&enos->devices, command);
}

static void enos_expire(struct sim_cloud *cloud)
{
	struct enos *enos = enos_of(cloud);

	sim_enos_devices_expire(&enos->devices);
}

static int enos_rotate(struct sim_cloud *cloud, const char *device, const char *secret)
{
	struct enos *enos = enos_of(cloud);
	struct sim_enos_device *found = sim_enos_devices_named(&enos->devices, device);

	return found ? sim_enos_rotate(found, secret) : -ENOENT;
}

static const struct sim_door v1_doors[] = { { "enos-v1", SIM_PLAIN } };
static const struct sim_door v2_doors[] = { { "enos-v2", SIM_PLAIN } };

static const uint16_t signed_options[] = { OPTION_SIGNATURE, 0 };
static const uint16_t no_options[] = { 0 };

const struct sim_cloud_type sim_enos_v1 = {
	.name = "enos-v1",
	.doors = v1_doors,
	.n_doors = SIM_ELEMENTS(v1_doors),
	.critical = signed_options,
	.make = enos_new,
	.free = enos_free,
	.command = enos_command,
	.serve = enos_serve,
	.expire = enos_expire,
	.rotate = enos_rotate,
};

const struct sim_cloud_type sim_enos_v2 = {
	.name = "enos-v2",
	.doors = v2_doors,
	.n_doors = SIM_ELEMENTS(v2_doors),
	.critical = no_options,
	.make = enos_new,
	.free = enos_free,
	.command = enos_command,
	.serve = enos_serve,
	.expire = enos_expire,
	.rotate = enos_rotate,
};
