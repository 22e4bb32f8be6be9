/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/plugins/scripted-private.h"

#define OPTION_LEN_MAX 1034
#define URI_PATH_LEN_MAX 255

static void host_log(struct skybus_link *link, uint32_t level, const char *text)
{
	scripted_check_attached(link, "log");
	scripted_check_text(link, "a line of the log", text);
	if (level < SKYBUS_LOG_ERROR || level > SKYBUS_LOG_DEBUG)
		scripted_fault(link, "log() was called with the level %u", level);
	(void)snprintf(link->last_log, sizeof(link->last_log), "%s", text ? text : "");
}

/* ---- requests ---- */

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

/**
 * scripted_drop_session() - close the session
 * @link: what was under way on it gets no completion, as with the daemon
 */
void scripted_drop_session(struct skybus_link *link)
{
	link->open = false;
	link->opening = false;
	scripted_drop_requests(&link->sent);
}

static void went_wrong(struct skybus_request *request, int32_t error)
{
	if (request->error == 0)
		request->error = error;
}

static void host_request_method(struct skybus_request *request, uint32_t method)
{
	scripted_check_attached(request->link, "request_method");
	if (method < SKYBUS_GET || method > SKYBUS_PATCH)
		scripted_fault(request->link, "request_method() was given %u", method);
	request->method = method;
}

static void host_request_path(struct skybus_request *request, const char *path)
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

		if (len > URI_PATH_LEN_MAX)
			went_wrong(request, -EMSGSIZE);
		if (len > 0 && used + len + 2 < sizeof(request->segments))
			used += (size_t)sprintf(request->segments + used, "/%.*s", (int)len, path);
		path += len + (path[len] == '/');
	}
}

static void host_request_query(struct skybus_request *request, const char *query)
{
	size_t used = strlen(request->query);
	size_t left = sizeof(request->query) - used;

	scripted_check_attached(request->link, "request_query");
	if ((size_t)snprintf(request->query + used, left, "%s%s", used > 0 ? "&" : "", query) >=
	    left)
		went_wrong(request, -EMSGSIZE);
}

static void host_request_option(struct skybus_request *request, uint32_t number, const void *value,
				uint32_t len)
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

static void host_request_uint(struct skybus_request *request, uint32_t number, uint32_t value)
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
	host_request_option(request, number, bytes + skip, (uint32_t)sizeof(bytes) - skip);
}

static void host_request_payload(struct skybus_request *request, const void *data, uint32_t len)
{
	scripted_check_attached(request->link, "request_payload");
	free(request->payload);
	request->payload = scripted_bytes(data, len);
	request->payload_len = len;
}

static void host_request_note(struct skybus_request *request, uint64_t note)
{
	scripted_check_attached(request->link, "request_note");
	request->note = note;
}

static struct skybus_request *host_new_request(struct skybus_link *link)
{
	scripted_check_attached(link, "new_request");

	return link->refuse.new_request ? NULL : scripted_request_new(link, SCRIPTED_OWN);
}

static bool is_the_plugins(struct skybus_request *request, const char *call)
{
	scripted_check_attached(request->link, call);
	if (request->kind == SCRIPTED_OWN)
		return true;
	scripted_fault(request->link, "%s() was called with a request that is only lent", call);

	return false;
}

static void host_free_request(struct skybus_request *request)
{
	if (!is_the_plugins(request, "free_request"))
		return;
	TAILQ_REMOVE(&request->link->filling, request, entry);
	scripted_request_free(request);
}

static int32_t host_send_request(struct skybus_request *request, uint32_t timeout_ms,
				 skybus_replied_fn *done, void *tag)
{
	struct skybus_link *link = request->link;
	int32_t error = request->error;

	if (!is_the_plugins(request, "send_request"))
		return -EINVAL;
	if (!done)
		scripted_fault(link, "send_request() was given no completion");
	TAILQ_REMOVE(&link->filling, request, entry);
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

/* ---- sessions, timers ---- */

static int32_t host_open_session(struct skybus_link *link, const struct skybus_session *session,
				 skybus_opened_fn *done, void *tag)
{
	struct scripted_session *kept = &link->session;

	scripted_check_attached(link, "open_session");
	scripted_check_size(link, "a session", session->size, sizeof(*session));
	scripted_drop_session(link);
	if (link->refuse.open_session < 0)
		return link->refuse.open_session;
	if (!session->host || session->port < 1 || session->port > 65535 ||
	    session->identity_len > sizeof(kept->identity) ||
	    session->key_len > sizeof(kept->key) ||
	    (session->security == SKYBUS_PSK) != (session->key_len > 0)) {
		scripted_fault(link, "open_session() was given parameters that make no sense");
		return -EINVAL;
	}
	*kept = (struct scripted_session){ .security = session->security,
					   .port = session->port,
					   .identity_len = session->identity_len,
					   .key_len = session->key_len };
	(void)snprintf(kept->host, sizeof(kept->host), "%s", session->host);
	if (session->identity_len > 0)
		memcpy(kept->identity, session->identity, session->identity_len);
	if (session->key_len > 0)
		memcpy(kept->key, session->key, session->key_len);
	link->n_sessions++;
	link->opening = true;
	link->opened = done;
	link->opened_tag = tag;

	return 0;
}

static int64_t host_timer_start(struct skybus_link *link, uint32_t ms, skybus_timer_fn *done,
				void *tag)
{
	struct scripted_timer *timer;

	scripted_check_attached(link, "timer_start");
	if (link->refuse.timer_start < 0)
		return link->refuse.timer_start;
	timer = scripted_need(calloc(1, sizeof(*timer)));
	timer->handle = ++link->last_timer;
	timer->due_ms = link->now_ms + ms;
	timer->done = done;
	timer->tag = tag;
	TAILQ_INSERT_TAIL(&link->timers, timer, entry);
	link->n_timers++;

	return timer->handle;
}

/**
 * scripted_remove_timer() - take a timer away
 * @link: its link
 * @timer: gone afterwards
 */
void scripted_remove_timer(struct skybus_link *link, struct scripted_timer *timer)
{
	TAILQ_REMOVE(&link->timers, timer, entry);
	link->n_timers--;
	free(timer);
}

static void host_timer_stop(struct skybus_link *link, int64_t handle)
{
	struct scripted_timer *timer;

	scripted_check_attached(link, "timer_stop");
	TAILQ_FOREACH(timer, &link->timers, entry) {
		if (timer->handle == handle) {
			scripted_remove_timer(link, timer);
			return;
		}
	}
}

/* ---- the login's end, commands ---- */

static void end_login(struct skybus_link *link, const char *call)
{
	scripted_check_attached(link, call);
	if (!link->logging_in)
		scripted_fault(link, "%s() was called while no login() was under way", call);
	link->logging_in = false;
}

static void host_online(struct skybus_link *link, const struct skybus_terms *terms)
{
	end_login(link, "online");
	scripted_check_size(link, "the terms", terms->size, sizeof(*terms));
	link->terms = *terms;
	link->n_online++;
	if (link->when_online)
		link->when_online(link);
}

static void host_failed(struct skybus_link *link, uint32_t kind, const char *reason,
			uint32_t wait_s)
{
	end_login(link, "failed");
	if (kind < SKYBUS_TRANSIENT || kind > SKYBUS_CONFIGURATION)
		scripted_fault(link, "failed() was given the kind %u", kind);
	if (reason)
		scripted_check_text(link, "a failure's reason", reason);
	else if (!link->unanswered)
		scripted_fault(
			link, "failed() gave no reason, and no request was left without an answer");
	link->failure =
		(struct scripted_failure){ .kind = kind, .has_reason = reason, .wait_s = wait_s };
	(void)snprintf(link->failure.reason, sizeof(link->failure.reason), "%s",
		       reason ? reason : "");
	link->n_failed++;
	scripted_drop_session(link);
}

/**
 * scripted_forget_command() - free what a command holds
 * @command: all zero afterwards
 */
void scripted_forget_command(struct scripted_command *command)
{
	free(command->topic);
	free(command->payload);
	*command = (struct scripted_command){ 0 };
}

static int32_t host_deliver(struct skybus_link *link, const struct skybus_command *command)
{
	scripted_check_attached(link, "deliver");
	scripted_check_size(link, "a command", command->size, sizeof(*command));
	if (!command->topic || command->topic[0] == '\0')
		scripted_fault(link, "deliver() was given a command without topic");
	if (!command->payload && command->payload_len > 0)
		scripted_fault(
			link, "deliver() was given a command without payload, but with its length");
	scripted_forget_command(&link->command);
	link->command = (struct scripted_command){
		.topic = scripted_text(command->topic),
		.payload = scripted_bytes(command->payload, command->payload_len),
		.payload_len = command->payload_len,
		.content_format = command->content_format,
	};
	link->n_commands++;

	return 1;
}

/* ---- memory ---- */

static struct scripted_entry *find_entry(struct skybus_link *link, const char *key)
{
	struct scripted_entry *entry;

	TAILQ_FOREACH(entry, &link->store, entry) {
		if (strcmp(entry->key, key) == 0)
			return entry;
	}

	return NULL;
}

/**
 * scripted_remove_entry() - take an entry out of the store
 * @link: its link
 * @entry: gone afterwards; may be NULL
 */
void scripted_remove_entry(struct skybus_link *link, struct scripted_entry *entry)
{
	if (!entry)
		return;
	TAILQ_REMOVE(&link->store, entry, entry);
	free(entry->key);
	free(entry->value);
	free(entry);
}

static void add_entry(struct skybus_link *link, const char *key, const void *data, uint32_t len)
{
	struct scripted_entry *entry = scripted_need(calloc(1, sizeof(*entry)));

	entry->key = scripted_text(key);
	entry->value = scripted_bytes(data, len);
	entry->len = len;
	TAILQ_INSERT_TAIL(&link->store, entry, entry);
}

static void add_write(struct skybus_link *link, skybus_stored_fn *done, void *tag)
{
	struct scripted_write *write = scripted_need(calloc(1, sizeof(*write)));

	write->done = done;
	write->tag = tag;
	TAILQ_INSERT_TAIL(&link->writes, write, entry);
}

/* What was lent before is moved, so that a plugin that still reads it shows. */
static const uint8_t *host_store_get(struct skybus_link *link, const char *key, uint32_t *ret_len)
{
	struct scripted_entry *entry = find_entry(link, key);
	uint8_t *moved;

	scripted_check_attached(link, "store_get");
	*ret_len = entry ? entry->len : 0;
	if (!entry)
		return NULL;
	moved = scripted_bytes(entry->value, entry->len);
	free(entry->value);
	entry->value = moved;

	return moved;
}

static int32_t host_store_put(struct skybus_link *link, const char *key, const void *data,
			      uint32_t len, skybus_stored_fn *done, void *tag)
{
	scripted_check_attached(link, "store_put");
	scripted_remove_entry(link, find_entry(link, key));
	add_entry(link, key, data, len);
	add_write(link, done, tag);

	return 0;
}

static int32_t host_store_remove(struct skybus_link *link, const char *key, skybus_stored_fn *done,
				 void *tag)
{
	scripted_check_attached(link, "store_remove");
	scripted_remove_entry(link, find_entry(link, key));
	add_write(link, done, tag);

	return 0;
}

const struct skybus_host scripted_calls = {
	.size = sizeof(scripted_calls),
	.setting_text = scripted_setting_text,
	.setting_integer = scripted_setting_integer,
	.setting_secret = scripted_setting_secret,
	.log = host_log,
	.request_method = host_request_method,
	.request_path = host_request_path,
	.request_query = host_request_query,
	.request_option = host_request_option,
	.request_uint = host_request_uint,
	.request_payload = host_request_payload,
	.request_note = host_request_note,
	.open_session = host_open_session,
	.new_request = host_new_request,
	.free_request = host_free_request,
	.send_request = host_send_request,
	.timer_start = host_timer_start,
	.timer_stop = host_timer_stop,
	.online = host_online,
	.failed = host_failed,
	.deliver = host_deliver,
	.store_get = host_store_get,
	.store_put = host_store_put,
	.store_remove = host_store_remove,
};
