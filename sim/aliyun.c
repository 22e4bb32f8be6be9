/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Aliyun IoT Platform over CoAP, by two doors. At the symmetric one payloads are encrypted and
 * requests numbered; the other has DTLS, with a certificate or a pre-shared key, and needs neither.
 *
 * A device logs in with POST /auth and a signature, and gets a token, which every later request
 * carries: POST /topic{topic} for messages, POST /pull for the commands that wait. A device that
 * does not know its secret gets it with POST /auth/register/device, signed with the product's.
 *
 * A reply's code is about the request. What is refused, and how: a path that does not exist 4.04, a
 * method that it does not have 4.05, a message of more than 1 KB 4.13 and one in blocks 4.02, a
 * sender without a token or with a wrong sequence 4.01, a payload that cannot be decrypted 4.00, a
 * topic of another device 4.03, of nobody 4.04. What is wrong with a post's content is said in the
 * answer.
 *
 * Of what the vendor does not document: at the symmetric door an empty answer is encrypted too; a
 * message's id is a decimal number; commands are pulled as an array of {"topic", "payload"}.
 * The vendor's limit of thirty messages a second is not enforced.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/aliyun-batch.h"
#include "sim/aliyun-crypto.h"
#include "sim/aliyun-exchange.h"
#include "sim/aliyun-topic.h"
#include "sim/cleanup.h"
#include "sim/record.h"

/** How many commands are pulled unless the device says a number, and how many bytes of them. */
#define PAGE_SIZE 10
#define PAGE_BYTES 960

static struct sim_aliyun *aliyun_of(struct sim_cloud *cloud)
{
	return sim_container_of(cloud, struct sim_aliyun, cloud);
}

static void refuse(struct sim_aliyun_exchange *exchange, uint8_t code, const char *reason)
{
	sim_aliyun_refuse(exchange, "refused", code, reason);
}

/* ---- Topics ---------------------------------------------------------------------------------- */

static void refuse_topic(struct sim_aliyun_exchange *exchange, int error)
{
	if (error == -EACCES)
		refuse(exchange, SIM_CODE(4, 3), "another device's topic");
	else if (error == -EINVAL)
		refuse(exchange, SIM_CODE(4, 0), "the topic is too long or too deep");
	else
		refuse(exchange, SIM_CODE(4, 4), "no such topic");
}

static void take_post(struct sim_aliyun_exchange *exchange)
{
	const struct sim_request *request = exchange->request;
	json_auto_t *post = NULL, *root = NULL;
	char text[16];
	int code;

	post = sim_format_read(sim_aliyun_format(request, SIM_ALIYUN_CONTENT_FORMAT),
			       exchange->payload, exchange->payload_len);
	code = sim_aliyun_topic_answer(exchange->topic, post, &root);
	if (code < 0) {
		refuse(exchange, SIM_CODE(5, 0), "no memory");
		return;
	}
	if (code == SIM_ALIYUN_OK) {
		sim_aliyun_note(exchange, "message", NULL, NULL);
		if (sim_aliyun_batch_is_topic(exchange->topic))
			sim_aliyun_batch_each(post, sim_aliyun_note_point, exchange);
	} else {
		(void)snprintf(text, sizeof(text), "%d", code);
		sim_aliyun_note(exchange, "refused", text, sim_aliyun_topic_meaning(code));
	}
	sim_aliyun_confirm(exchange, sim_aliyun_format(request, SIM_ALIYUN_ACCEPT), root);
}

static void serve_topic(struct sim_aliyun_exchange *exchange)
{
	enum sim_aliyun_shape shape;
	int error;

	exchange->topic = exchange->request->path + strlen("/topic");
	if (!sim_aliyun_authenticate(exchange))
		return;

	error = sim_aliyun_topic_find(exchange->topic, exchange->device->name, &shape);
	if (error < 0) {
		refuse_topic(exchange, error);
	} else if (shape == SIM_ALIYUN_POST) {
		take_post(exchange);
	} else {
		sim_aliyun_note(exchange, "message", NULL, NULL);
		sim_aliyun_confirm(exchange, SIM_FORMAT_JSON, NULL);
	}
}

/* ---- Commands -------------------------------------------------------------------------------- */

static json_t *item_of(const struct sim_command *command)
{
	return json_pack("{s:s, s:s}", "topic", command->topic, "payload", command->payload);
}

static size_t size_of(const json_t *item)
{
	return json_dumpb(item, NULL, 0, JSON_COMPACT);
}

/* The "pageSize" of {"pageSize":"10"}; 0 when it makes no sense. */
static size_t page_size(const struct sim_aliyun_exchange *exchange)
{
	json_auto_t *asked = NULL;
	const json_t *size;
	unsigned long long number = 0;

	if (exchange->payload_len == 0)
		return PAGE_SIZE;

	asked = sim_format_read(sim_aliyun_format(exchange->request, SIM_ALIYUN_CONTENT_FORMAT),
				exchange->payload, exchange->payload_len);
	size = json_object_get(asked, "pageSize");
	if (asked && !size)
		return PAGE_SIZE;
	if (json_is_integer(size) && json_integer_value(size) > 0)
		number = (unsigned long long)json_integer_value(size);
	else if (json_is_string(size) &&
		 strspn(json_string_value(size), "0123456789") == json_string_length(size))
		number = strtoull(json_string_value(size), NULL, 10);

	return (size_t)number;
}

static json_t *page_of(const struct sim_aliyun_device *device, size_t most)
{
	json_auto_t *page = json_array();
	size_t bytes = 2;

	for (size_t i = 0; i < most && i < device->n_commands; i++) {
		json_auto_t *item = item_of(device->commands[i]);

		bytes += size_of(item) + 1;
		if (bytes > PAGE_BYTES)
			break;
		if (json_array_append(page, item) < 0)
			return NULL;
	}

	return json_incref(page);
}

/* Commands that have been handed out wait no more. */
static void hand_out(struct sim_aliyun_exchange *exchange, size_t n)
{
	struct sim_aliyun_device *device = exchange->device;

	for (size_t i = 0; i < n; i++)
		sim_record_write(exchange->aliyun->cloud.record,
				 &(struct sim_event){
					 .event = "command",
					 .cloud = exchange->aliyun->cloud.type->name,
					 .peer = exchange->request->peer,
					 .identity = exchange->request->identity,
					 .device = device->name,
					 .session = exchange->session->number,
					 .topic = device->commands[i]->topic,
					 .payload = (const uint8_t *)device->commands[i]->payload,
					 .payload_len = strlen(device->commands[i]->payload),
					 .sequence = exchange->sequence,
				 });
	sim_aliyun_command_drop(device, n);
}

static void serve_pull(struct sim_aliyun_exchange *exchange)
{
	json_auto_t *page = NULL;
	size_t most;

	if (!sim_aliyun_authenticate(exchange))
		return;

	most = page_size(exchange);
	if (most == 0) {
		refuse(exchange, SIM_CODE(4, 0), "pageSize is not a number from 1");
		return;
	}
	page = page_of(exchange->device, most);
	if (!page) {
		refuse(exchange, SIM_CODE(5, 0), "no memory");
		return;
	}
	sim_aliyun_confirm(exchange, sim_aliyun_format(exchange->request, SIM_ALIYUN_ACCEPT), page);
	if (SIM_CODE_CLASS(exchange->reply->code) == 2)
		hand_out(exchange, json_array_size(page));
}

static int aliyun_command(struct sim_cloud *cloud, const struct sim_command *command)
{
	char name[SIM_ALIYUN_NAME_SIZE];
	struct sim_aliyun_device *device;
	json_auto_t *item = NULL;

	if (sim_aliyun_topic_owner(command->topic, name) < 0)
		return -ENOENT;
	device = sim_aliyun_devices_named(&aliyun_of(cloud)->devices, name);
	if (!device)
		return -ENOENT;
	item = item_of(command);
	if (!item || size_of(item) > SIM_ALIYUN_COMMAND_SIZE)
		return item ? -EMSGSIZE : -EINVAL;

	return sim_aliyun_command_add(device, command);
}

/* ---- What the endpoint sees ------------------------------------------------------------------ */

static const struct {
	const char *path; /* with everything below it where it ends in a slash */
	void (*serve)(struct sim_aliyun_exchange *exchange);
	const char *event; /* when another method than POST is refused */
} paths[] = {
	{ "/auth", sim_aliyun_serve_login, "login-refused" },
	{ "/auth/register/device", sim_aliyun_serve_register, "login-refused" },
	{ "/pull", serve_pull, "refused" },
	{ "/topic/", serve_topic, "refused" },
};

static bool is_path(const char *path, const char *known)
{
	size_t len = strlen(known);

	return known[len - 1] == '/' ? strncmp(path, known, len) == 0 : strcmp(path, known) == 0;
}

static void serve_path(struct sim_aliyun_exchange *exchange)
{
	for (size_t i = 0; i < SIM_ELEMENTS(paths); i++) {
		if (!is_path(exchange->request->path, paths[i].path))
			continue;
		if (exchange->request->method == SIM_POST)
			paths[i].serve(exchange);
		else
			sim_aliyun_refuse(exchange, paths[i].event, SIM_CODE(4, 5),
					  "there is nothing but POST");
		return;
	}
	refuse(exchange, SIM_CODE(4, 4), "no such path");
}

static void aliyun_serve(struct sim_cloud *cloud, const struct sim_request *request,
			 struct sim_reply *reply)
{
	struct sim_aliyun_exchange exchange = {
		.aliyun = aliyun_of(cloud),
		.request = request,
		.reply = reply,
		.topic = request->path,
	};

	serve_path(&exchange);
	reply->separate = exchange.session && exchange.session->separate;
}

static int aliyun_key(struct sim_cloud *cloud, size_t door, const char *identity,
		      uint8_t ret_key[SIM_PSK_MAX], size_t *ret_len)
{
	struct sim_aliyun *aliyun = aliyun_of(cloud);
	const struct sim_aliyun_device *device;
	char timestamp[SIM_ALIYUN_TIMESTAMP_SIZE], name[SIM_ALIYUN_NAME_SIZE];

	(void)door;
	device = sim_aliyun_identity(aliyun, identity, timestamp);
	if (!device) {
		sim_record_write(cloud->record, &(struct sim_event){
							.event = "login-refused",
							.cloud = cloud->type->name,
							.identity = identity,
							.reason = "no identity of a device",
						});
		return -ENOENT;
	}
	(void)snprintf(name, sizeof(name), "%s&%s", device->id->product_key,
		       device->id->device_key);

	return sim_aliyun_psk(device->secret, name, timestamp, ret_key, ret_len);
}

static struct sim_cloud *aliyun_free(struct sim_cloud *cloud)
{
	struct sim_aliyun *aliyun;

	if (!cloud)
		return NULL;

	aliyun = aliyun_of(cloud);
	sim_aliyun_devices_done(&aliyun->devices);
	free(aliyun);

	return NULL;
}

static struct sim_cloud *aliyun_new(const struct sim_cloud_type *type,
				    const struct sim_setup *setup, struct sim_record *record)
{
	struct sim_aliyun *aliyun = calloc(1, sizeof(*aliyun));

	if (!aliyun)
		return NULL;

	aliyun->cloud = (struct sim_cloud){ .type = type, .record = record };
	aliyun->setup = setup;
	if (sim_aliyun_devices_init(&aliyun->devices, setup) < 0)
		return aliyun_free(&aliyun->cloud);

	return &aliyun->cloud;
}

static void aliyun_expire(struct sim_cloud *cloud)
{
	sim_aliyun_devices_expire(&aliyun_of(cloud)->devices);
}

static int aliyun_rotate(struct sim_cloud *cloud, const char *name, const char *secret)
{
	struct sim_aliyun_device *device;

	device = sim_aliyun_devices_named(&aliyun_of(cloud)->devices, name);

	return device ? sim_aliyun_rotate(device, secret) : -ENOENT;
}

static const struct sim_door doors[SIM_ALIYUN_DOORS] = {
	[SIM_ALIYUN_SYMMETRIC] = { "aliyun", SIM_PLAIN },
	[SIM_ALIYUN_DTLS] = { "aliyun-dtls", SIM_PSK_OR_CERTIFICATE },
};

static const uint16_t critical[] = { SIM_ALIYUN_OLD_TOKEN, SIM_ALIYUN_SEQUENCE, 0 };

const struct sim_cloud_type sim_aliyun = {
	.name = "aliyun",
	.doors = doors,
	.n_doors = SIM_ELEMENTS(doors),
	.critical = critical,
	.make = aliyun_new,
	.free = aliyun_free,
	.command = aliyun_command,
	.serve = aliyun_serve,
	.key = aliyun_key,
	.expire = aliyun_expire,
	.rotate = aliyun_rotate,
};
