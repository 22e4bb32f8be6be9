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
#include "sim/enos-topic.h"
#include "sim/record.h"

/* Options of EnOS: where a command waits, the signature of a request, the command itself. */
#define OPTION_COMMAND_PATH 2100
#define OPTION_SIGNATURE 2101
#define OPTION_COMMAND 2102

#define SECURE_MODE 2

/* In seconds. */
#define LIFETIME_MIN 30
#define LIFETIME_MAX 86400

/**
 * struct enos - a cloud of one generation
 * @cloud: what the endpoint sees
 * @devices: who may log in
 */
struct enos {
	struct sim_cloud cloud;
	struct sim_enos_devices devices;
};

/**
 * struct exchange - one request on its way to a reply
 * @enos: the cloud
 * @request: lent
 * @reply: to be filled
 * @device: who sends; NULL until that is known
 * @topic: what the path names; the path itself where it is no topic
 * @sequence: the number that the request was signed with, 0 without
 */
struct exchange {
	struct enos *enos;
	const struct sim_request *request;
	struct sim_reply *reply;
	struct sim_enos_device *device;
	const char *topic;
	uint64_t sequence;
};

static bool is_signed(const struct exchange *exchange)
{
	return exchange->enos->cloud.type == &sim_enos_v1;
}

/* ---- How an exchange ends -------------------------------------------------------------------- */

static void note(const struct exchange *exchange, const char *event, const char *code,
		 const char *reason)
{
	const struct sim_enos_device *device = exchange->device;
	bool is_message = strcmp(event, "message") == 0;

	sim_record_write(exchange->enos->cloud.record,
			 &(struct sim_event){
				 .event = event,
				 .cloud = exchange->enos->cloud.type->name,
				 .peer = exchange->request->peer,
				 .device = device ? device->name : NULL,
				 .session = device ? device->session.number : 0,
				 .topic = exchange->topic,
				 .payload = is_message ? exchange->request->payload : NULL,
				 .payload_len = exchange->request->payload_len,
				 .sequence = exchange->sequence,
				 .code = code,
				 .reason = reason,
			 });
}

static void refuse_as(struct exchange *exchange, const char *event, uint8_t code,
		      const char *reason)
{
	char text[8];

	(void)snprintf(text, sizeof(text), "%u.%02u", SIM_CODE_CLASS(code), SIM_CODE_DETAIL(code));
	note(exchange, event, text, reason);
	sim_reply_reset(exchange->reply);
	exchange->reply->code = code;
}

static void refuse(struct exchange *exchange, uint8_t code, const char *reason)
{
	refuse_as(exchange, "refused", code, reason);
}

static void refuse_login(struct exchange *exchange, uint8_t code, const char *reason)
{
	refuse_as(exchange, "login-refused", code, reason);
}

static void answer(struct exchange *exchange, uint8_t code, const char *payload)
{
	exchange->reply->code = code;
	if (payload &&
	    sim_reply_add(exchange->reply, SIM_REPLY_PAYLOAD, payload, strlen(payload)) < 0)
		refuse(exchange, SIM_CODE(5, 0), "the reply is too long");
}

/*
 * Announces the oldest command that waits. In the second generation it comes along, and so waits no
 * more. Commands are bounded so that they fit beside any reply's payload.
 */
static void announce(struct exchange *exchange)
{
	const struct sim_command *command;
	char path[SIM_ENOS_COMMAND_SIZE + sizeof("/topic")];
	int len;

	if (exchange->device->n_commands == 0)
		return;

	command = exchange->device->commands[0];
	len = snprintf(path, sizeof(path), "/topic%s", command->topic);
	if (sim_reply_add(exchange->reply, OPTION_COMMAND_PATH, path, (size_t)len) < 0)
		return;

	if (!is_signed(exchange) && sim_reply_add(exchange->reply, OPTION_COMMAND, command->payload,
						  strlen(command->payload)) == 0)
		(void)sim_enos_command_take(exchange->device, command->topic);
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
	if (secure_mode != SECURE_MODE || lifetime < LIFETIME_MIN || lifetime > LIFETIME_MAX)
		return NULL;

	*ret_lifetime = (uint32_t)lifetime;
	*ret_sign = sign;

	return json_incref(root);
}

static bool is_genuine(const struct sim_enos_device *device, uint32_t lifetime, const char *sign)
{
	char expected[SIM_ENOS_SIGN_SIZE];

	return sim_enos_sign(device->id, lifetime, expected) == 0 &&
	       strcasecmp(sign, expected) == 0;
}

static void welcome(struct exchange *exchange)
{
	char payload[SIM_ENOS_TOKEN_SIZE + 16];

	note(exchange, "login", NULL, NULL);
	if (is_signed(exchange)) {
		(void)snprintf(payload, sizeof(payload), "{\"token\":\"%s\"}",
			       exchange->device->session.token);
		answer(exchange, SIM_CODE(2, 5), payload);
	} else {
		answer(exchange, SIM_CODE(2, 4), NULL);
	}
	announce(exchange);
}

static void serve_login(struct exchange *exchange, const char *name)
{
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
	device = sim_enos_devices_named(&exchange->enos->devices, name);
	if (!device || !is_genuine(device, lifetime, sign)) {
		refuse_login(exchange, SIM_CODE(4, 1), device ? "wrong sign" : "unknown device");
		return;
	}
	if (sim_enos_login(&exchange->enos->devices, device, request->peer, lifetime,
			   request->now) < 0) {
		refuse_login(exchange, SIM_CODE(5, 0), "no session can be made");
		return;
	}
	exchange->device = device;
	welcome(exchange);
}

/* ---- Topics ---------------------------------------------------------------------------------- */

/* Whether the request comes from a device that is logged in; if not, it is refused. */
static bool authenticate(struct exchange *exchange)
{
	const struct sim_request *request = exchange->request;
	const struct sim_option *option = sim_request_option(request, OPTION_SIGNATURE);
	struct sim_enos_device *device =
		sim_enos_devices_at(&exchange->enos->devices, request->peer, request->now);

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

static void refuse_topic(struct exchange *exchange, int error)
{
	if (error == -EACCES)
		refuse(exchange, SIM_CODE(4, 3), "another device's topic");
	else
		refuse(exchange, SIM_CODE(4, 4), "no such topic");
}

static void publish(struct exchange *exchange)
{
	const struct sim_request *request = exchange->request;
	const struct sim_enos_topic *kind;
	SIM_CLEANUP(free) char *reply = NULL;
	char text[16];
	int error, code;

	error = sim_enos_topic_find(exchange->topic, exchange->device->name, &kind);
	if (error < 0) {
		refuse_topic(exchange, error);
		return;
	}
	code = sim_enos_topic_answer(kind, exchange->topic, request->payload, request->payload_len,
				     &reply);
	if (code < 0) {
		refuse(exchange, SIM_CODE(5, 0), "no memory");
		return;
	}
	if (code == SIM_ENOS_OK) {
		note(exchange, "message", NULL, NULL);
	} else {
		(void)snprintf(text, sizeof(text), "%d", code);
		note(exchange, "refused", text,
		     code == SIM_ENOS_BAD_JSON ? "bad JSON" : "not the payload of this topic");
	}
	answer(exchange, SIM_CODE(2, 4), reply);
}

static void fetch(struct exchange *exchange)
{
	int error = sim_enos_topic_access(exchange->topic, exchange->device->name);
	const struct sim_command *command;

	command = error == 0 ? sim_enos_command_take(exchange->device, exchange->topic) : NULL;
	if (command)
		answer(exchange, SIM_CODE(2, 5), command->payload);
	else
		refuse_topic(exchange, error);
}

static void serve_topic(struct exchange *exchange)
{
	uint8_t method = exchange->request->method;

	if (method != SIM_POST && method != SIM_GET) {
		refuse(exchange, SIM_CODE(4, 5), "a topic has POST and GET");
		return;
	}
	if (!authenticate(exchange))
		return;

	if (method == SIM_POST)
		publish(exchange);
	else
		fetch(exchange);
	if (SIM_CODE_CLASS(exchange->reply->code) == 2)
		announce(exchange);
}

static void enos_serve(struct sim_cloud *cloud, const struct sim_request *request,
		       struct sim_reply *reply)
{
	struct exchange exchange = {
		.enos = sim_container_of(cloud, struct enos, cloud),
		.request = request,
		.reply = reply,
		.topic = request->path,
	};

	if (strncmp(request->path, "/auth/", 6) == 0) {
		serve_login(&exchange, request->path + 6);
	} else if (strncmp(request->path, "/topic/", 7) == 0) {
		/* Devices that put the whole topic behind "/topic/" send an empty segment first. */
		exchange.topic = request->path + (request->path[7] == '/' ? 7 : 6);
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

	enos = sim_container_of(cloud, struct enos, cloud);
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
	struct enos *enos = sim_container_of(cloud, struct enos, cloud);

	return sim_enos_command_add(&enos->devices, command);
}

static const uint16_t signed_options[] = { OPTION_SIGNATURE, 0 };
static const uint16_t no_options[] = { 0 };

const struct sim_cloud_type sim_enos_v1 = {
	.name = "enos-v1",
	.scheme = "coap",
	.critical = signed_options,
	.make = enos_new,
	.free = enos_free,
	.command = enos_command,
	.serve = enos_serve,
};

const struct sim_cloud_type sim_enos_v2 = {
	.name = "enos-v2",
	.scheme = "coap",
	.critical = no_options,
	.make = enos_new,
	.free = enos_free,
	.command = enos_command,
	.serve = enos_serve,
};
