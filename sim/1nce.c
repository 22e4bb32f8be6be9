/* SPDX-License-Identifier: Apache-2.0 */

/*
 * 1NCE OS over CoAP. A device is known by its SIM card: over plain CoAP and HTTPS by the address
 * that the card gave it, over DTLS by its identity, which is the card's ICCID.
 *
 * A message is posted to the root path; the query "t=…" is its topic. The key for DTLS is handed
 * out at onboarding, by GET /bootstrap over plain CoAP and by HTTPS. There it comes as JSON or CSV,
 * and CSV in both orders that the vendor documents: below /identity-first it is the other one.
 *
 * What is refused, and how: a path that does not exist 4.04, a method that it does not have 4.05, a
 * card that is unknown, or whose owner has not accepted the terms, 4.01, a topic with other
 * characters than it may have 4.00. Content-Format is ignored. A payload is never too long here, as
 * the endpoint keeps it to what 1NCE takes. Over HTTPS what is wrong is told in JSON.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/1nce-card.h"
#include "sim/1nce-onboarding.h"
#include "sim/cleanup.h"
#include "sim/cloud.h"
#include "sim/http.h"
#include "sim/record.h"

#define OPTION_URI_QUERY 15

/** A Uri-Query option is 255 bytes at most, and "t=" are two. */
#define TOPIC_MAX 253

#define TOPIC_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_/"

#define ONBOARDING_PATH "/device-api/onboarding/coap"
#define IDENTITY_FIRST "/identity-first"

/** "ICCID/topic" with its terminating zero. */
#define RECORD_TOPIC_SIZE (SIM_ICCID_MAX + 1 + TOPIC_MAX + 1)

enum {
	PLAIN,
	DTLS,
	HTTPS
};

/**
 * struct nce - the cloud
 * @cloud: what the endpoint sees
 * @cards: whose devices may send
 * @dtls_url: where its DTLS door is; "" before that is known
 */
struct nce {
	struct sim_cloud cloud;
	struct sim_1nce_cards cards;
	char dtls_url[128];
};

/**
 * struct exchange - one request on its way to a reply
 * @nce: the cloud
 * @request: lent
 * @reply: to be filled
 * @card: whose device sends; NULL until that is known
 * @topic: as the record has it
 */
struct exchange {
	struct nce *nce;
	const struct sim_request *request;
	struct sim_reply *reply;
	struct sim_1nce_card *card;
	const char *topic;
};

static struct nce *nce_of(struct sim_cloud *cloud)
{
	return sim_container_of(cloud, struct nce, cloud);
}

/* ---- CoAP ------------------------------------------------------------------------------------ */

static void note(const struct exchange *exchange, const char *event, const char *code,
		 const char *reason)
{
	const struct sim_request *request = exchange->request;
	bool is_message = strcmp(event, "message") == 0;

	sim_record_write(exchange->nce->cloud.record,
			 &(struct sim_event){
				 .event = event,
				 .cloud = exchange->nce->cloud.type->name,
				 .peer = request->peer,
				 .identity = request->identity,
				 .device = exchange->card ? exchange->card->id->iccid : NULL,
				 .topic = exchange->topic,
				 .payload = is_message ? request->payload : NULL,
				 .payload_len = request->payload_len,
				 .code = code,
				 .reason = reason,
			 });
}

static void refuse(struct exchange *exchange, uint8_t code, const char *reason)
{
	char text[SIM_CODE_TEXT];

	sim_code_print(code, text);
	note(exchange, "refused", text, reason);
	sim_reply_reset(exchange->reply);
	exchange->reply->code = code;
}

/* Whether the sender has an active card; if not, the request is refused. */
static bool authenticate(struct exchange *exchange)
{
	const struct sim_request *request = exchange->request;
	const struct sim_1nce_cards *cards = &exchange->nce->cards;

	if (request->door != DTLS)
		exchange->card = sim_1nce_cards_at(cards, request->peer);
	else if (request->identity)
		exchange->card = sim_1nce_cards_named(cards, request->identity);
	if (!exchange->card || exchange->card->inactive) {
		refuse(exchange, SIM_CODE(4, 1),
		       exchange->card ? "the card is not active" : "unknown card");
		return false;
	}

	return true;
}

/* The first query "t=…"; NULL without. Others are ignored. */
static const struct sim_option *topic_query(const struct sim_request *request)
{
	for (size_t i = 0; i < request->n_options; i++) {
		const struct sim_option *option = &request->options[i];

		if (option->number == OPTION_URI_QUERY && option->len >= 2 &&
		    memcmp(option->value, "t=", 2) == 0)
			return option;
	}

	return NULL;
}

static bool is_topic(const char *topic, size_t len)
{
	return len > 0 && len <= TOPIC_MAX && strlen(topic) == len &&
	       strspn(topic, TOPIC_CHARACTERS) == len && !strstr(topic, "//");
}

static void serve_message(struct exchange *exchange)
{
	const struct sim_option *query = topic_query(exchange->request);
	size_t len = query ? query->len - 2 : 0;
	char record_topic[RECORD_TOPIC_SIZE], topic[UINT8_MAX + 1] = "";

	if (!authenticate(exchange))
		return;

	if (query && len < sizeof(topic))
		memcpy(topic, query->value + 2, len);
	if (query && !is_topic(topic, len)) {
		refuse(exchange, SIM_CODE(4, 0),
		       "a topic has 1 to 253 letters, digits, underscores and single slashes");
		return;
	}

	(void)snprintf(record_topic, sizeof(record_topic), "%s%s%s", exchange->card->id->iccid,
		       query ? "/" : "", topic);
	exchange->topic = record_topic;
	note(exchange, "message", NULL, NULL);
	exchange->topic = NULL;
	exchange->reply->code = SIM_CODE(2, 4);
}

/* "ICCID,key,URL" */
static void serve_bootstrap(struct exchange *exchange)
{
	struct nce *nce = exchange->nce;
	char text[sizeof(nce->dtls_url) + 256];
	int len;

	if (!authenticate(exchange))
		return;

	len = snprintf(text, sizeof(text), "%s,%s,%s", exchange->card->id->iccid,
		       sim_1nce_card_onboard(exchange->card, exchange->request->now),
		       nce->dtls_url);
	note(exchange, "onboarding", NULL, NULL);
	exchange->reply->code = SIM_CODE(2, 5);
	if (sim_reply_add(exchange->reply, SIM_REPLY_PAYLOAD, text, (size_t)len) < 0)
		refuse(exchange, SIM_CODE(5, 0), "the reply is too long");
}

static void nce_serve(struct sim_cloud *cloud, const struct sim_request *request,
		      struct sim_reply *reply)
{
	struct exchange exchange = {
		.nce = nce_of(cloud),
		.request = request,
		.reply = reply,
		.topic = request->path,
	};
	bool is_root = strcmp(request->path, "/") == 0;
	bool is_bootstrap = request->door == PLAIN && strcmp(request->path, "/bootstrap") == 0;

	if (!is_root && !is_bootstrap)
		refuse(&exchange, SIM_CODE(4, 4), "no such path");
	else if (request->method != (is_root ? SIM_POST : SIM_GET))
		refuse(&exchange, SIM_CODE(4, 5),
		       is_root ? "a message is a POST" : "onboarding is a GET");
	else if (is_root)
		serve_message(&exchange);
	else
		serve_bootstrap(&exchange);
}

static int nce_key(struct sim_cloud *cloud, size_t door, const char *identity,
		   uint8_t ret_key[SIM_PSK_MAX], size_t *ret_len)
{
	const struct sim_1nce_card *card = sim_1nce_cards_named(&nce_of(cloud)->cards, identity);
	int error = card ? sim_1nce_card_psk(card, ret_key, ret_len) : -ENOENT;

	(void)door;
	if (error < 0)
		sim_record_write(cloud->record, &(struct sim_event){
							.event = "login-refused",
							.cloud = cloud->type->name,
							.identity = identity,
							.device = card ? card->id->iccid : NULL,
							.reason = card ? "the card has no key yet"
								       : "unknown card",
						});

	return error;
}

/* ---- HTTPS ----------------------------------------------------------------------------------- */

static void note_fetch(const struct nce *nce, const struct sim_http_request *request,
		       const struct sim_1nce_card *card, unsigned int status, const char *reason)
{
	char code[16];

	(void)snprintf(code, sizeof(code), "%u", status);
	sim_record_write(nce->cloud.record, &(struct sim_event){
						    .event = reason ? "refused" : "onboarding",
						    .cloud = nce->cloud.type->name,
						    .peer = request->peer,
						    .device = card ? card->id->iccid : NULL,
						    .topic = request->path,
						    .code = reason ? code : NULL,
						    .reason = reason,
					    });
}

static void grant(struct nce *nce, const struct sim_http_request *request, const char *type,
		  struct sim_http_reply *reply)
{
	bool is_first = strncmp(request->path, IDENTITY_FIRST, strlen(IDENTITY_FIRST)) == 0;
	struct sim_1nce_card *card = sim_1nce_cards_at(&nce->cards, request->peer);

	if (!card || card->inactive) {
		sim_1nce_onboarding_refuse(reply, 401,
					   card ? "The terms and conditions are not accepted."
						: "The SIM card is unknown.");
		note_fetch(nce, request, card, reply->status,
			   card ? "the card is not active" : "unknown card");
		return;
	}

	sim_1nce_onboarding_grant(reply, type,
				  is_first ? SIM_1NCE_IDENTITY_FIRST : SIM_1NCE_KEY_FIRST,
				  card->id->iccid, sim_1nce_card_onboard(card, request->now));
	sim_1nce_onboarding_cut(reply, request->range);
	note_fetch(nce, request, card, reply->status,
		   reply->status == 416 ? "the range begins behind the end" : NULL);
}

static void nce_fetch(struct sim_cloud *cloud, const struct sim_http_request *request,
		      struct sim_http_reply *reply)
{
	struct nce *nce = nce_of(cloud);
	const char *type;

	if (strcmp(request->path, ONBOARDING_PATH) != 0 &&
	    strcmp(request->path, IDENTITY_FIRST ONBOARDING_PATH) != 0) {
		note_fetch(nce, request, NULL, reply->status, "no such path");
	} else if (request->refusal != 0) {
		sim_1nce_onboarding_refuse(reply, request->refusal, "It was told to be so.");
		note_fetch(nce, request, NULL, reply->status, "as told");
	} else if (sim_1nce_onboarding_accept(request->accept, &type) < 0) {
		sim_1nce_onboarding_refuse(reply, 406, "There are application/json and text/csv.");
		note_fetch(nce, request, NULL, reply->status, "Accept is not JSON or CSV");
	} else {
		grant(nce, request, type, reply);
	}
}

/* ---- Life ------------------------------------------------------------------------------------ */

static struct sim_cloud *nce_free(struct sim_cloud *cloud)
{
	struct nce *nce;

	if (!cloud)
		return NULL;

	nce = nce_of(cloud);
	sim_1nce_cards_done(&nce->cards);
	free(nce);

	return NULL;
}

static struct sim_cloud *nce_new(const struct sim_cloud_type *type, const struct sim_setup *setup,
				 struct sim_record *record)
{
	struct nce *nce = calloc(1, sizeof(*nce));

	if (!nce)
		return NULL;

	nce->cloud = (struct sim_cloud){ .type = type, .record = record };
	if (sim_1nce_cards_init(&nce->cards, setup) < 0)
		return nce_free(&nce->cloud);

	return &nce->cloud;
}

static int nce_rotate(struct sim_cloud *cloud, const char *iccid, const char *key)
{
	struct sim_1nce_card *card = sim_1nce_cards_named(&nce_of(cloud)->cards, iccid);

	return card ? sim_1nce_card_fix(card, key) : -ENOENT;
}

static void nce_opened(struct sim_cloud *cloud, size_t door, const char *url)
{
	struct nce *nce = nce_of(cloud);

	if (door == DTLS)
		(void)snprintf(nce->dtls_url, sizeof(nce->dtls_url), "%s", url);
}

static const struct sim_door doors[] = {
	[PLAIN] = { "1nce", SIM_PLAIN },
	[DTLS] = { "1nce-dtls", SIM_PSK },
	[HTTPS] = { "1nce-https", SIM_HTTPS },
};

static const uint16_t no_options[] = { 0 };

const struct sim_cloud_type sim_1nce = {
	.name = "1nce",
	.doors = doors,
	.n_doors = SIM_ELEMENTS(doors),
	.critical = no_options,
	.make = nce_new,
	.free = nce_free,
	.serve = nce_serve,
	.key = nce_key,
	.fetch = nce_fetch,
	.rotate = nce_rotate,
	.opened = nce_opened,
};
