/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "sim/house.h"
#include "sim/http.h"
#include "sim/record.h"

/* RFC 7252 section 5.10. */
#define OPTION_MAX_AGE 14

/**
 * sim_house_init() - set a cloud to work
 * @house: where
 * @type: the rules of the cloud
 * @setup: outlives the house, as does @record
 * @record: NULL for none
 *
 * Return: 0; -ENOMEM.
 */
int sim_house_init(struct sim_house *house, const struct sim_cloud_type *type,
		   const struct sim_setup *setup, struct sim_record *record)
{
	*house = (struct sim_house){ .cloud = type->make(type, setup, record) };

	return house->cloud ? 0 : -ENOMEM;
}

/**
 * sim_house_done() - end it
 * @house: may never have been initialised, if all zero
 */
void sim_house_done(struct sim_house *house)
{
	if (house->cloud)
		(void)house->cloud->type->free(house->cloud);
	*house = (struct sim_house){ 0 };
}

/**
 * sim_house_refuse() - answer with a code and nothing else
 * @house: whose
 * @request: which
 * @reply: gets the code
 * @code: of class 4 or 5
 * @reason: for the record
 */
void sim_house_refuse(struct sim_house *house, const struct sim_request *request,
		      struct sim_reply *reply, uint8_t code, const char *reason)
{
	const struct sim_cloud *cloud = house->cloud;
	char text[SIM_CODE_TEXT];
	const struct sim_event event = {
		.event = "refused",
		.cloud = cloud->type->name,
		.peer = request->peer,
		.identity = request->identity,
		.topic = request->path,
		.code = text,
		.reason = reason,
	};

	sim_code_print(code, text);
	sim_record_write(cloud->record, &event);
	sim_reply_reset(reply);
	reply->code = code;
}

/**
 * sim_house_refuse_key() - a handshake has failed
 * @house: whose
 * @peer: who tried
 * @identity: as whom
 * @reason: for the record
 */
void sim_house_refuse_key(struct sim_house *house, const char *peer, const char *identity,
			  const char *reason)
{
	const struct sim_event event = {
		.event = "login-refused",
		.cloud = house->cloud->type->name,
		.peer = peer,
		.identity = identity,
		.reason = reason,
	};

	house->n_refused_keys++;
	sim_record_write(house->cloud->record, &event);
}

/* Whether a request is to be refused, which is one less to refuse then. */
static bool take_told(struct sim_told *told, const char *path)
{
	if (told->count == 0 || strncmp(path, told->prefix, strlen(told->prefix)) != 0)
		return false;

	told->count--;

	return true;
}

static void refuse_as_told(struct sim_house *house, const struct sim_request *request,
			   struct sim_reply *reply)
{
	const struct sim_told *told = &house->told;

	sim_house_refuse(house, request, reply, told->code, "as told");
	if (told->max_age > 0)
		(void)sim_reply_add(reply, OPTION_MAX_AGE, &told->max_age, sizeof(told->max_age));
}

/**
 * sim_house_serve() - answer a request
 * @house: whose
 * @request: not a repetition
 * @reply: comes empty and leaves with a code
 */
void sim_house_serve(struct sim_house *house, const struct sim_request *request,
		     struct sim_reply *reply)
{
	house->n_requests++;
	if (take_told(&house->told, request->path)) {
		refuse_as_told(house, request, reply);
		return;
	}

	house->cloud->type->serve(house->cloud, request, reply);
	if (reply->code == 0)
		sim_house_refuse(house, request, reply, SIM_CODE(5, 0), "the cloud has no answer");
}

/**
 * sim_house_fetch() - answer an HTTPS request
 * @house: whose
 * @request: its refusal is not known yet
 * @reply: comes as 404 without body
 */
void sim_house_fetch(struct sim_house *house, const struct sim_http_request *request,
		     struct sim_http_reply *reply)
{
	struct sim_http_request told = *request;
	uint8_t code = house->told.code;

	house->n_requests++;
	if (take_told(&house->told, request->path))
		told.refusal = SIM_CODE_CLASS(code) * 100u + SIM_CODE_DETAIL(code);
	house->cloud->type->fetch(house->cloud, &told, reply);
}
