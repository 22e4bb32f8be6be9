/* SPDX-License-Identifier: Apache-2.0 */
/* The requests that the plugin fills and sends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/scripted-private.h"

#define OPTION_LEN_MAX 1034
#define URI_OPTION_LEN_MAX 255
#define PAYLOAD_LEN_MAX (64 * 1024)

/**
 * scripted_request_new() - a POST without anything, in link->filling
 * @link: the link
 * @kind: what it is for
 *
 * Return: the request, the link's.
 */
struct skybus_request *scripted_request_new(struct skybus_link *link, enum scripted_kind kind)
{
	struct skybus_request *request = scripted_need(calloc(1, sizeof(*request)));

	request->link = link;
	request->kind = kind;
	request->method = SKYBUS_POST;
	request->verdict.size = sizeof(request->verdict);
	request->verdict.kind = SKYBUS_REJECTED;
	TAILQ_INSERT_TAIL(&link->filling, request, entry);

	return request;
}

/**
 * scripted_request_free() - free a request
 * @request: in no list any more
 */
void scripted_request_free(struct skybus_request *request)
{
	for (uint32_t i = 0; i < request->n_options; i++)
		free(request->options[i].value);
	free(request->payload);
	free((char *)request->message.topic);
	free((uint8_t *)request->message.payload);
	free(request);
}

/**
 * scripted_drop_requests() - free all requests of a list
 * @requests: empty afterwards
 */
void scripted_drop_requests(struct scripted_requests *requests)
{
	struct skybus_request *request;

	while ((request = TAILQ_FIRST(requests))) {
		TAILQ_REMOVE(requests, request, entry);
		scripted_request_free(request);
	}
}

static void went_wrong(struct skybus_request *request, int32_t error)
{
	if (request->error == 0)
		request->error = error;
}

/** scripted_host_request_method() - host->request_method() */
void scripted_host_request_method(struct skybus_request *request, uint32_t method)
{
	scripted_check_attached(request->link, "request_method");
	if (method < SKYBUS_GET || method > SKYBUS_PATCH)
		scripted_fault(request->link, "request_method() was given %u", method);
	request->method = method;
}

/** scripted_host_request_path() - host->request_path() */
void scripted_host_request_path(struct skybus_request *request, const char *path)
{
	size_t used = 0;

	scripted_check_attached(request->link, "request_path");
	request->segments[0] = '\0';
	if (strlen(path) >= sizeof(request->path)) {
		went_wrong(request, -EMSGSIZE);
		return;
	}
	strcpy(request->path, path);
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len > URI_OPTION_LEN_MAX)
			went_wrong(request, -EMSGSIZE);
		if (len > 0 && used + len + 2 < sizeof(request->segments))
			used += (size_t)sprintf(request->segments + used, "/%.*s", (int)len, path);
		path += len + (path[len] == '/');
	}
}

/** scripted_host_request_query() - host->request_query() */
void scripted_host_request_query(struct skybus_request *request, const char *query)
{
	size_t used = strlen(request->query);
	size_t left = sizeof(request->query) - used;

	scripted_check_attached(request->link, "request_query");
	if (strlen(query) > URI_OPTION_LEN_MAX ||
	    (size_t)snprintf(request->query + used, left, "%s%s", used > 0 ? "&" : "", query) >=
		    left)
		went_wrong(request, -EMSGSIZE);
}

/** scripted_host_request_option() - host->request_option() */
void scripted_host_request_option(struct skybus_request *request, uint32_t number,
				  const void *value, uint32_t len)
{
	scripted_check_attached(request->link, "request_option");
	if (number == 0 || number > UINT16_MAX)
		went_wrong(request, -EINVAL);
	else if (len > OPTION_LEN_MAX || request->n_options == SCRIPTED_OPTIONS_MAX)
		went_wrong(request, -EMSGSIZE);
	else
		request->options[request->n_options++] = (struct scripted_option){
			.number = number, .len = len, .value = scripted_bytes(value, len)
		};
}

/** scripted_host_request_uint() - host->request_uint() */
void scripted_host_request_uint(struct skybus_request *request, uint32_t number, uint32_t value)
{
	uint8_t bytes[4] = { value >> 24, value >> 16 & 0xff, value >> 8 & 0xff, value & 0xff };
	uint32_t skip = 0;

	while (skip < sizeof(bytes) && bytes[skip] == 0)
		skip++;
	for (uint32_t i = 0; i < request->n_options; i++) {
		if (request->options[i].number != number)
			continue;
		free(request->options[i].value);
		request->options[i] = request->options[--request->n_options];
	}
	scripted_host_request_option(request, number, bytes + skip, (uint32_t)sizeof(bytes) - skip);
}

/** scripted_host_request_payload() - host->request_payload() */
void scripted_host_request_payload(struct skybus_request *request, const void *data, uint32_t len)
{
	scripted_check_attached(request->link, "request_payload");
	if (len > PAYLOAD_LEN_MAX) {
		went_wrong(request, -EMSGSIZE);
		return;
	}
	free(request->payload);
	request->payload = scripted_bytes(data, len);
	request->payload_len = len;
}

/** scripted_host_request_note() - host->request_note() */
void scripted_host_request_note(struct skybus_request *request, uint64_t note)
{
	scripted_check_attached(request->link, "request_note");
	request->note = note;
}

/** scripted_host_new_request() - host->new_request() */
struct skybus_request *scripted_host_new_request(struct skybus_link *link)
{
	scripted_check_attached(link, "new_request");

	return link->refuse.new_request ? NULL : scripted_request_new(link, SCRIPTED_OWN);
}

static bool is_the_plugins(struct skybus_request *request, const char *call)
{
	scripted_check_attached(request->link, call);
	if (request->kind != SCRIPTED_OWN)
		scripted_fault(
			request->link,
			"%s() was called with a request that is only lent: fill it and return",
			call);
	else if (request->done)
		scripted_fault(
			request->link,
			"%s() was called with a request that was sent: it is the host's then",
			call);

	return request->kind == SCRIPTED_OWN && !request->done;
}

/** scripted_host_free_request() - host->free_request() */
void scripted_host_free_request(struct skybus_request *request)
{
	if (!is_the_plugins(request, "free_request"))
		return;
	TAILQ_REMOVE(&request->link->filling, request, entry);
	scripted_request_free(request);
}

/**
 * scripted_take_to_send() - a request of the plugin's own is to go out
 * @request: in link->filling; in no list afterwards
 * @call: the host's, that it was given to
 *
 * Return: whether it is one that may.
 */
bool scripted_take_to_send(struct skybus_request *request, const char *call)
{
	if (!is_the_plugins(request, call))
		return false;
	TAILQ_REMOVE(&request->link->filling, request, entry);

	return true;
}

/** scripted_host_send_request() - host->send_request() */
int32_t scripted_host_send_request(struct skybus_request *request, uint32_t timeout_ms,
				   skybus_replied_fn *done, void *tag)
{
	struct skybus_link *link = request->link;
	int32_t error = request->error;

	if (!scripted_take_to_send(request, "send_request"))
		return -EINVAL;
	if (!done)
		scripted_fault(link, "send_request() was given no completion");
	if (link->refuse.send_request < 0)
		error = link->refuse.send_request;
	else if (!link->open)
		error = -ENOTCONN;
	if (error < 0) {
		scripted_request_free(request);
		return error;
	}
	request->timeout_ms = timeout_ms;
	request->done = done;
	request->tag = tag;
	TAILQ_INSERT_TAIL(&link->sent, request, entry);

	return 0;
}
