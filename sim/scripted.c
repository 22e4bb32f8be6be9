/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The cloud that a script describes, over plain CoAP and, for those identities that have a key, over
 * DTLS. The record has each request as "message", or as "refused" when the answer is of class 4 or 5, with
 * the line of the rule.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cleanup.h"
#include "sim/cloud.h"
#include "sim/record.h"
#include "sim/script.h"

/* RFC 7252 section 5.10, RFC 7641 section 2. */
#define OPTION_OBSERVE 6
#define OPTION_CONTENT_FORMAT 12
#define OPTION_MAX_AGE 14
#define OPTION_URI_QUERY 15

/** All queries of a request that a cloud is given, with the bytes between them. */
#define QUERY_SIZE 2048

/** struct scripted - the cloud; @script is lent, @sequence the number of the latest notification */
struct scripted {
	struct sim_cloud cloud;
	struct sim_script *script;
	uint32_t sequence;
};

static struct scripted *scripted_of(struct sim_cloud *cloud)
{
	return sim_container_of(cloud, struct scripted, cloud);
}

/* ---- Requests and replies -------------------------------------------------------------------- */

static void print_query(const struct sim_request *request, char ret[QUERY_SIZE])
{
	size_t n = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < request->n_options; i++) {
		const struct sim_option *option = &request->options[i];

		if (option->number != OPTION_URI_QUERY || n + option->len + 2 > QUERY_SIZE)
			continue;
		if (n > 0)
			ret[n++] = '&';
		memcpy(ret + n, option->value, option->len);
		n += option->len;
		ret[n] = '\0';
	}
}

/* An unsigned integer as an option has it, without leading zeros: RFC 7252 section 3.2. */
static void add_number(struct sim_reply *reply, uint16_t number, uint32_t value)
{
	uint8_t bytes[4];
	size_t len = 0;

	if (value == SIM_SCRIPT_NONE)
		return;
	for (int shift = 24; shift >= 0; shift -= 8)
		if (value >> shift != 0)
			bytes[len++] = (uint8_t)(value >> shift);
	(void)sim_reply_add(reply, number, bytes, len);
}

static void write_reply(const struct sim_script_reply *answer, struct sim_reply *reply)
{
	reply->code = answer->code;
	reply->silent = answer->silent;
	add_number(reply, OPTION_CONTENT_FORMAT, answer->content_format);
	add_number(reply, OPTION_MAX_AGE, answer->max_age);
	for (size_t i = 0; i < answer->n_options; i++)
		(void)sim_reply_add(reply, answer->options[i].number, answer->options[i].value,
				    answer->options[i].len);
	if (answer->payload_len > 0 &&
	    sim_reply_add(reply, SIM_REPLY_PAYLOAD, answer->payload, answer->payload_len) < 0) {
		sim_reply_reset(reply);
		reply->code = SIM_CODE(5, 0);
	}
}

/* RFC 7641 section 2: to observe is 0, an option without bytes. */
static bool wants_to_observe(const struct sim_request *request)
{
	const struct sim_option *option = sim_request_option(request, OPTION_OBSERVE);

	return option && (option->len == 0 || (option->len == 1 && option->value[0] == 0));
}

static void note(const struct scripted *scripted, const struct sim_request *request,
		 const char *query, const struct sim_script_reply *answer)
{
	char code[SIM_CODE_TEXT], reason[64] = "no rule matches";
	bool refused = !answer->silent && SIM_CODE_CLASS(answer->code) != 2;

	sim_code_print(answer->code, code);
	if (answer->line > 0)
		(void)snprintf(reason, sizeof(reason), "the rule in line %zu", answer->line);
	sim_record_write(scripted->cloud.record, &(struct sim_event){
							 .event = refused ? "refused" : "message",
							 .cloud = scripted->cloud.type->name,
							 .peer = request->peer,
							 .identity = request->identity,
							 .method = request->method,
							 .topic = request->path,
							 .query = *query ? query : NULL,
							 .payload = request->payload,
							 .payload_len = request->payload_len,
							 .code = answer->silent ? NULL : code,
							 .reason = refused ? reason : NULL,
						 });
}

static void scripted_serve(struct sim_cloud *cloud, const struct sim_request *request,
			   struct sim_reply *reply)
{
	struct scripted *scripted = scripted_of(cloud);
	struct sim_script_reply answer;
	char query[QUERY_SIZE];

	print_query(request, query);
	(void)sim_script_answer(scripted->script,
				&(struct sim_script_request){
					.method = request->method,
					.path = request->path,
					.query = query,
					.payload = request->payload,
					.payload_len = request->payload_len,
				},
				&answer);
	note(scripted, request, query, &answer);
	write_reply(&answer, reply);
	if (answer.observable && SIM_CODE_CLASS(reply->code) == 2 && wants_to_observe(request))
		add_number(reply, OPTION_OBSERVE, ++scripted->sequence);
}

static int scripted_changed(struct sim_cloud *cloud, const struct sim_command *command,
			    struct sim_reply *reply)
{
	struct scripted *scripted = scripted_of(cloud);
	struct sim_script_reply answer;

	if (!sim_script_changed(scripted->script, command->topic, command->payload, &answer))
		return -ENOENT;
	if (answer.payload_len > SIM_SCRIPT_PAYLOAD_MAX)
		return -EMSGSIZE;
	write_reply(&answer, reply);
	add_number(reply, OPTION_OBSERVE, ++scripted->sequence);

	return 0;
}

static int scripted_key(struct sim_cloud *cloud, size_t door, const char *identity,
			uint8_t ret_key[SIM_PSK_MAX], size_t *ret_len)
{
	size_t len;
	const uint8_t *key = sim_script_key(scripted_of(cloud)->script, identity, &len);

	(void)door;
	if (!key || len > SIM_PSK_MAX) {
		sim_record_write(cloud->record, &(struct sim_event){
							.event = "login-refused",
							.cloud = cloud->type->name,
							.identity = identity,
							.reason = "unknown identity",
						});
		return -ENOENT;
	}
	memcpy(ret_key, key, len);
	*ret_len = len;

	return 0;
}

static int scripted_command(struct sim_cloud *cloud, const struct sim_command *command)
{
	return sim_script_command(scripted_of(cloud)->script, command->topic, command->payload);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static struct sim_cloud *scripted_free(struct sim_cloud *cloud)
{
	free(cloud ? scripted_of(cloud) : NULL);

	return NULL;
}

static struct sim_cloud *scripted_new(const struct sim_cloud_type *type,
				      const struct sim_setup *setup, struct sim_record *record)
{
	struct scripted *scripted = calloc(1, sizeof(*scripted));

	if (!scripted)
		return NULL;
	scripted->cloud = (struct sim_cloud){ .type = type, .record = record };
	scripted->script = setup->script;

	return &scripted->cloud;
}

static const struct sim_door doors[] = {
	{ "scripted", SIM_PLAIN },
	{ "scripted-dtls", SIM_PSK },
};

static const uint16_t no_options[] = { 0 };

const struct sim_cloud_type sim_scripted = {
	.name = "scripted",
	.doors = doors,
	.n_doors = SIM_ELEMENTS(doors),
	.critical = no_options,
	.make = scripted_new,
	.free = scripted_free,
	.command = scripted_command,
	.changed = scripted_changed,
	.serve = scripted_serve,
	.key = scripted_key,
};
