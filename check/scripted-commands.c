/* SPDX-License-Identifier: Apache-2.0 */
/* Requests from the cloud, commands, and what is answered to either. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/scripted-private.h"

#define CONTEXT_LEN_MAX 1024
#define PAYLOAD_LEN_MAX (64 * 1024)

/* ---- commands ---- */

/**
 * scripted_forget_command() - free what a command holds
 * @command: all zero afterwards
 */
void scripted_forget_command(struct scripted_command *command)
{
	free(command->topic);
	free(command->payload);
	free(command->context);
	free(command->otherwise);
	*command = (struct scripted_command){ 0 };
}

static void check_command(struct skybus_link *link, const struct skybus_command *command)
{
	scripted_check_size(link, "a command", command->size, sizeof(*command));
	if (!command->topic || command->topic[0] == '\0')
		scripted_fault(link, "deliver() was given a command without topic");
	if (!command->payload && command->payload_len > 0)
		scripted_fault(
			link, "deliver() was given a command without payload, but with its length");
	if (!command->context && command->context_len > 0)
		scripted_fault(
			link, "deliver() was given a command without context, but with its length");
	if (command->context_len > CONTEXT_LEN_MAX)
		scripted_fault(link,
			       "deliver() was given %u bytes of context, which is more than %d",
			       command->context_len, CONTEXT_LEN_MAX);
	if (command->flags & ~(uint32_t)SKYBUS_ANSWERABLE)
		scripted_fault(link, "deliver() was given the flags %#x", command->flags);
	if (command->otherwise && link->response && link->response->serving)
		scripted_fault(link, "deliver() was told what to answer otherwise to a request");
	if ((command->flags & SKYBUS_ANSWERABLE) && !link->plugin->answer)
		scripted_fault(link,
			       "deliver() promised an answer, and the plugin has no answer()");
}

/** scripted_host_deliver() - host->deliver() */
int32_t scripted_host_deliver(struct skybus_link *link, const struct skybus_command *command)
{
	scripted_check_attached(link, "deliver");
	check_command(link, command);
	if (link->response && link->response->serving && link->response->n_commands++ > 0)
		scripted_fault(link, "deliver() was called twice for one request from the cloud");
	scripted_forget_command(&link->command);
	link->command = (struct scripted_command){
		.topic = scripted_text(command->topic),
		.payload = scripted_bytes(command->payload, command->payload_len),
		.payload_len = command->payload_len,
		.content_format = command->content_format,
		.flags = command->flags,
		.context = scripted_bytes(command->context, command->context_len),
		.context_len = command->context_len,
		.answer_s = command->answer_s,
		.otherwise = command->otherwise ? scripted_text(command->otherwise) : NULL,
	};
	link->n_commands++;

	return link->n_subscribers;
}

/* ---- responses ---- */

/**
 * scripted_response_free() - free a response
 * @response: may be NULL
 */
void scripted_response_free(struct skybus_response *response)
{
	if (!response)
		return;
	free(response->payload);
	free(response->topic);
	free(response);
}

static struct skybus_response *begin_response(struct skybus_link *link, uint32_t code)
{
	struct skybus_response *response = scripted_need(calloc(1, sizeof(*response)));

	scripted_response_free(link->response);
	response->link = link;
	response->code = code;
	response->content_format = SKYBUS_NO_FORMAT;
	response->filling = true;
	link->response = response;

	return response;
}

static void check_filling(struct skybus_response *response, const char *call)
{
	scripted_check_attached(response->link, call);
	if (!response->filling)
		scripted_fault(response->link, "%s() was called after serve() or answer() returned",
			       call);
}

static void check_code(const struct skybus_response *response, const char *call)
{
	uint32_t class = SKYBUS_CODE_CLASS(response->code);

	if (class != 2 && class != 4 && class != 5)
		scripted_fault(response->link, "%s() left a response with the code %u.%02u", call,
			       class, response->code & 31);
}

/** scripted_host_response_code() - host->response_code() */
void scripted_host_response_code(struct skybus_response *response, uint32_t code)
{
	check_filling(response, "response_code");
	if (response->as_message)
		scripted_fault(response->link,
			       "response_code() was called for an answer that is a message");
	response->code = code;
}

/** scripted_host_response_payload() - host->response_payload() */
void scripted_host_response_payload(struct skybus_response *response, uint32_t content_format,
				    const void *data, uint32_t len)
{
	check_filling(response, "response_payload");
	if (len > PAYLOAD_LEN_MAX || (!data && len > 0)) {
		scripted_fault(response->link, "response_payload() was given %u bytes at %s", len,
			       data ? "once" : "NULL");
		return;
	}
	free(response->payload);
	response->payload = scripted_bytes(data, len);
	response->payload_len = len;
	response->content_format = content_format;
}

/** scripted_host_response_topic() - host->response_topic() */
void scripted_host_response_topic(struct skybus_response *response, const char *topic)
{
	check_filling(response, "response_topic");
	if (!response->as_message)
		scripted_fault(response->link, "response_topic() was called, and somebody waits");
	if (!topic || topic[0] == '\0')
		scripted_fault(response->link, "response_topic() was given no topic");
	free(response->topic);
	response->topic = scripted_text(topic);
}

/* ---- what the test does ---- */

/**
 * scripted_serve() - the cloud asks something of the box
 * @link: attached, of a plugin that has serve()
 * @method: SKYBUS_GET …
 * @path: "/a/b"
 * @query: "a=1&b=2"; "" for none
 * @payload: @payload_len bytes; their format is link->serve_format
 * @payload_len: bytes
 *
 * Return: what the plugin filled, and how many commands it delivered meanwhile, none or one, which
 * is in link->command then; lent until the next scripted_serve() or scripted_answer_command().
 */
const struct skybus_response *scripted_serve(struct skybus_link *link, uint32_t method,
					     const char *path, const char *query,
					     const void *payload, uint32_t payload_len)
{
	struct skybus_response *response = begin_response(link, SKYBUS_CODE(5, 1));
	const char *outer = scripted_enter(link, "serve()");
	const struct skybus_incoming incoming = {
		.size = sizeof(incoming),
		.method = method,
		.path = scripted_lend_text(link, "the path", path),
		.query = scripted_lend_text(link, "the query", query),
		.from = scripted_lend_text(link, "the sender", "10.64.0.1:40000"),
		.payload =
			scripted_lend(link, SCRIPTED_TO_READ, "the payload", payload, payload_len),
		.payload_len = payload_len,
		.content_format = link->serve_format,
	};

	response->serving = true;
	link->plugin->serve(link->state,
			    scripted_lend(link, SCRIPTED_TO_READ, "the request from the cloud",
					  &incoming, sizeof(incoming)),
			    response);
	response->serving = false;
	response->filling = false;
	check_code(response, "serve");
	scripted_leave(link, outer);

	return response;
}

static void check_answer(struct skybus_response *response, int32_t result)
{
	if (result > 0)
		scripted_fault(response->link, "answer() returned %d", result);
	if (result != 0)
		return;
	if (!response->as_message)
		check_code(response, "answer");
	else if (!response->topic)
		scripted_fault(response->link, "answer() gave a message no topic");
}

/**
 * scripted_answer_command() - an app answers the last command
 * @link: attached, of a plugin that has answer() and has delivered a command
 * @code: "" for success, else in the cloud's words
 * @payload: @payload_len bytes
 * @payload_len: bytes
 * @served: whether the command came by scripted_serve()
 * @ret_why: what the plugin said, when it refuses
 *
 * Return: what answer() returned; what it filled is in link->response.
 */
int32_t scripted_answer_command(struct skybus_link *link, const char *code, const void *payload,
				uint32_t payload_len, bool served, struct skybus_verdict *ret_why)
{
	struct skybus_response *response = begin_response(link, 0);
	const struct scripted_command *command = &link->command;
	const char *outer = scripted_enter(link, "answer()");
	struct skybus_verdict *why = scripted_lend_verdict(link, SKYBUS_REJECTED);
	const struct skybus_answer answer = {
		.size = sizeof(answer),
		.payload_len = payload_len,
		.topic = scripted_lend_text(link, "the command's topic", command->topic),
		.code = scripted_lend_text(link, "the answer's code", code),
		.payload = scripted_lend(link, SCRIPTED_TO_READ, "the answer's payload", payload,
					 payload_len),
		.context = scripted_lend(link, SCRIPTED_TO_READ, "the command's context",
					 command->context, command->context_len),
		.context_len = command->context_len,
		.served = served,
	};
	int32_t r;

	response->as_message = !served;
	r = link->plugin->answer(link->state,
				 scripted_lend(link, SCRIPTED_TO_READ, "the answer", &answer,
					       sizeof(answer)),
				 response, why);
	response->filling = false;
	check_answer(response, r);
	if (r < 0)
		scripted_check_verdict(link, why);
	*ret_why = *why;
	scripted_leave(link, outer);

	return r;
}
