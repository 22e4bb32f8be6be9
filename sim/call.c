/* SPDX-License-Identifier: Apache-2.0 */

/*
 * As the 1NCE cloud does it: a token of eight bytes, Content-Format 0, path and query as options,
 * and a source port of the call's own.
 */
#include <coap3/coap.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#include "sim/call.h"
#include "sim/cleanup.h"
#include "sim/random.h"

/** How long an answer is waited for, in µs. */
#define PATIENCE UINT64_C(10000000)

/** How long after the answer the device can still answer the repetitions, in µs. */
#define PATIENCE_FOR_REPEATED UINT64_C(300000)

#define ACCURACY UINT64_C(1000)

#define TOKEN_LEN 8

/** What path and query may take, in bytes. */
#define URI_MAX 1024

static const struct method {
	const char *name;
	coap_pdu_code_t code;
} methods[] = {
	{ "GET", COAP_REQUEST_CODE_GET },	{ "POST", COAP_REQUEST_CODE_POST },
	{ "PUT", COAP_REQUEST_CODE_PUT },	{ "DELETE", COAP_REQUEST_CODE_DELETE },
	{ "FETCH", COAP_REQUEST_CODE_FETCH },	{ "PATCH", COAP_REQUEST_CODE_PATCH },
	{ "IPATCH", COAP_REQUEST_CODE_IPATCH },
};

/**
 * struct sim_call - a request that waits for its answer
 * @done: whom to tell
 * @userdata: for @done
 * @context: libcoap's
 * @session: to the device
 * @source: of libcoap's descriptor
 * @timer: when the patience is at its end
 * @n_datagrams: how often the request is sent
 * @failed: whether the device's host says that nobody listens
 * @result: so far
 * @payload: the memory of the result's
 */
struct sim_call {
	sim_call_fn *done;
	void *userdata;
	coap_context_t *context;
	coap_session_t *session;
	sd_event_source *source;
	sd_event_source *timer;
	uint32_t n_datagrams;
	bool failed;
	struct sim_call_result result;
	uint8_t payload[SIM_CALL_PAYLOAD_MAX];
};

/* ---- Answers --------------------------------------------------------------------------------- */

static void keep_answer(struct sim_call *call, const coap_pdu_t *received)
{
	struct sim_call_result *result = &call->result;
	uint8_t code = (uint8_t)coap_pdu_get_code(received);
	const uint8_t *payload = NULL;
	size_t len = 0;

	(void)coap_get_data(received, &len, &payload);
	result->answered = true;
	result->payload_len = len < sizeof(call->payload) ? len : sizeof(call->payload);
	if (len > 0)
		memcpy(call->payload, payload, result->payload_len);
	sim_code_print(code, result->code);
}

static coap_response_t call_on_response(coap_session_t *session, const coap_pdu_t *sent,
					const coap_pdu_t *received, const coap_mid_t mid)
{
	struct sim_call *call = coap_session_get_app_data(session);

	(void)sent;
	(void)mid;
	if (!call->result.answered)
		keep_answer(call, received);

	return COAP_RESPONSE_OK;
}

static void call_on_nack(coap_session_t *session, const coap_pdu_t *sent,
			 const coap_nack_reason_t reason, const coap_mid_t mid)
{
	struct sim_call *call = coap_session_get_app_data(session);

	(void)sent;
	(void)reason;
	(void)mid;
	call->failed = !call->result.answered;
}

/* The end: nothing of the call is touched after it. */
static void finish(struct sim_call *call)
{
	(void)sd_event_source_set_enabled(call->source, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(call->timer, SD_EVENT_OFF);
	call->done(call->userdata, &call->result);
}

/* Not from within libcoap's callbacks, as the call, and with it the context, may be freed. */
static int call_on_ready(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct sim_call *call = userdata;
	bool answered = call->result.answered;

	(void)source;
	(void)fd;
	(void)events;
	(void)coap_io_process(call->context, COAP_IO_NO_WAIT);
	if (call->failed || (call->result.answered && call->n_datagrams == 1))
		finish(call);
	else if (call->result.answered && !answered)
		(void)sd_event_source_set_time_relative(call->timer, PATIENCE_FOR_REPEATED);

	return 0;
}

static int call_on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	finish(userdata);

	return 0;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static const struct method *find_method(const char *name)
{
	for (size_t i = 0; i < SIM_ELEMENTS(methods); i++)
		if (strcasecmp(methods[i].name, name) == 0)
			return &methods[i];

	return NULL;
}

static bool set_address(const coap_uri_t *uri, coap_address_t *ret)
{
	struct sim_address address;
	char host[SIM_ADDRESS_TEXT];

	if (uri->host.length == 0 || uri->host.length >= sizeof(host))
		return false;

	memcpy(host, uri->host.s, uri->host.length);
	host[uri->host.length] = '\0';
	if (sim_address_parse(host, &address) < 0)
		return false;

	sim_address_set_port(&address, uri->port);
	coap_address_init(ret);
	memcpy(&ret->addr.sa, &address.any, address.len);
	ret->size = address.len;

	return true;
}

typedef int split_fn(const uint8_t *text, size_t len, unsigned char *ret_bytes, size_t *ret_len);

/* libcoap's splitters write options one behind the other, and an empty one for an empty text. */
static void add_options(coap_optlist_t **options, uint16_t number, split_fn *split,
			coap_str_const_t text)
{
	uint8_t bytes[URI_MAX], *at = bytes;
	size_t len = sizeof(bytes);
	int n = text.length > 0 ? split(text.s, text.length, bytes, &len) : 0;

	for (int i = 0; i < n; i++) {
		(void)coap_insert_optlist(options, coap_new_optlist(number, coap_opt_length(at),
								    coap_opt_value(at)));
		at += coap_opt_size(at);
	}
}

static coap_optlist_t *options_of(const coap_uri_t *uri)
{
	coap_optlist_t *options = NULL;

	add_options(&options, COAP_OPTION_URI_PATH, coap_split_path, uri->path);
	add_options(&options, COAP_OPTION_URI_QUERY, coap_split_query, uri->query);
	/* Content-Format 0, text/plain, is an option without bytes (RFC 7252 section 3.2). */
	(void)coap_insert_optlist(&options, coap_new_optlist(COAP_OPTION_CONTENT_FORMAT, 0, NULL));

	return options;
}

static bool send_all(struct sim_call *call, const struct method *method, coap_optlist_t **options,
		     const char *payload)
{
	coap_mid_t mid = coap_new_message_id(call->session);
	uint8_t token[TOKEN_LEN];

	for (size_t i = 0; i < sizeof(token); i++)
		token[i] = (uint8_t)sim_random();

	for (uint32_t i = 0; i < call->n_datagrams; i++) {
		coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_CON, method->code, mid,
						coap_session_max_pdu_size(call->session));

		if (!pdu)
			return false;
		if (!coap_add_token(pdu, sizeof(token), token) ||
		    !coap_add_optlist_pdu(pdu, options) ||
		    (*payload && !coap_add_data(pdu, strlen(payload), (const uint8_t *)payload))) {
			coap_delete_pdu(pdu);
			return false;
		}
		if (coap_send(call->session, pdu) == COAP_INVALID_MID)
			return false;
	}

	return true;
}

static int start(struct sim_call *call, const struct sim_address *from, const coap_address_t *to)
{
	coap_address_t local;

	coap_address_init(&local);
	memcpy(&local.addr.sa, &from->any, from->len);
	local.size = from->len;
	coap_startup();
	call->context = coap_new_context(NULL);
	if (!call->context)
		return -ENOMEM;

	coap_register_response_handler(call->context, call_on_response);
	coap_register_nack_handler(call->context, call_on_nack);
	call->session = coap_new_client_session(call->context, &local, to, COAP_PROTO_UDP);
	if (!call->session)
		return -ENETUNREACH;

	coap_session_set_app_data(call->session, call);
	coap_session_set_nstart(call->session, (uint16_t)call->n_datagrams);

	return 0;
}

static int wait_for(struct sim_call *call, sd_event *event)
{
	int error = sd_event_add_io(event, &call->source, coap_context_get_coap_fd(call->context),
				    EPOLLIN, call_on_ready, call);

	return error < 0 ? error
			 : sd_event_add_time_relative(event, &call->timer, CLOCK_MONOTONIC,
						      PATIENCE, ACCURACY, call_on_time, call);
}

/**
 * sim_call_new() - call a device
 * @event: the loop, which outlives the call
 * @from: the address that the call comes from; its port is ignored
 * @request: what to call; copied
 * @done: called once from the loop, never from here
 * @userdata: for @done
 * @ret: the call
 *
 * Return: 0; -EINVAL for a method or a URL that is none; -EMSGSIZE for too long a payload;
 * -ENETUNREACH; -ENOMEM.
 */
int sim_call_new(sd_event *event, const struct sim_address *from,
		 const struct sim_call_request *request, sim_call_fn *done, void *userdata,
		 struct sim_call **ret)
{
	const struct method *method = find_method(request->method);
	const uint8_t *url = (const uint8_t *)request->url;
	struct sim_address local = *from;
	coap_optlist_t *options;
	struct sim_call *call;
	coap_address_t to;
	coap_uri_t uri;
	int error;

	if (!method || coap_split_uri(url, strlen(request->url), &uri) < 0 ||
	    uri.scheme != COAP_URI_SCHEME_COAP ||
	    uri.path.length + uri.query.length > URI_MAX / 2 || !set_address(&uri, &to))
		return -EINVAL;
	if (strlen(request->payload) > SIM_CALL_PAYLOAD_MAX)
		return -EMSGSIZE;
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;

	call->done = done;
	call->userdata = userdata;
	call->n_datagrams = 1 + request->repeat;
	call->result = (struct sim_call_result){ .code = "0.00", .payload = call->payload };
	sim_address_set_port(&local, 0);
	error = start(call, &local, &to);
	if (error == 0)
		error = wait_for(call, event);
	if (error == 0) {
		options = options_of(&uri);
		error = send_all(call, method, &options, request->payload) ? 0 : -ENETUNREACH;
		coap_delete_optlist(options);
	}
	if (error < 0) {
		(void)sim_call_free(call);
		return error;
	}
	*ret = call;

	return 0;
}

/**
 * sim_call_free() - forget a call
 * @call: may be NULL or half-built
 *
 * Return: NULL.
 */
struct sim_call *sim_call_free(struct sim_call *call)
{
	if (!call)
		return NULL;

	(void)sd_event_source_disable_unref(call->source);
	(void)sd_event_source_disable_unref(call->timer);
	if (call->context) {
		coap_register_response_handler(call->context, NULL);
		coap_register_nack_handler(call->context, NULL);
	}
	if (call->session)
		coap_session_release(call->session);
	coap_free_context(call->context);
	free(call);

	return NULL;
}
