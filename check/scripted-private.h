/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of the scripted host, shared by its parts: scripted-host.c and scripted-messages.c (what a test does),
 * scripted-calls.c, scripted-requests.c, scripted-observe.c, scripted-commands.c, scripted-store.c (what the
 * plugin is lent) and scripted-rules.c (what is watched, and settings).
 */
#include "check/scripted-call.h"
#include "check/scripted-host.h"
#include "check/scripted-lent.h"

/* What attach() lends of one setting: in a block of its own, until detach(). */
struct scripted_value {
	const char *text;
	const uint8_t *secret;
	uint32_t secret_len;
	int64_t number;
};

struct scripted_timer {
	TAILQ_ENTRY(scripted_timer) entry;
	int64_t handle;
	uint64_t due_ms;
	skybus_timer_fn *done;
	void *tag;
};

struct scripted_entry {
	TAILQ_ENTRY(scripted_entry) entry;
	char *key;
	uint8_t *value;
	uint32_t len;
};

struct scripted_write {
	TAILQ_ENTRY(scripted_write) entry;
	skybus_stored_fn *done;
	void *tag;
};

struct scripted_fetching {
	TAILQ_ENTRY(scripted_fetching) entry;
	skybus_fetched_fn *done;
	void *tag;
	uint32_t max_len;
};

extern const struct skybus_host scripted_calls;

/* scripted-rules.c */
void *scripted_need(void *memory);
uint8_t *scripted_bytes(const void *data, size_t len);
char *scripted_text(const char *text);

void scripted_fault(struct skybus_link *link, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void scripted_check_attached(struct skybus_link *link, const char *call);
void scripted_check_size(struct skybus_link *link, const char *what, uint32_t size,
			 size_t expected);
void scripted_check_text(struct skybus_link *link, const char *what, const char *text);
void scripted_check_verdict(struct skybus_link *link, struct skybus_verdict *verdict);

void scripted_lend_settings(struct skybus_link *link);
void scripted_return_settings(struct skybus_link *link);
const char *scripted_setting_text(struct skybus_link *link, const char *key);
int64_t scripted_setting_integer(struct skybus_link *link, const char *key);
const uint8_t *scripted_setting_secret(struct skybus_link *link, const char *key,
				       uint32_t *ret_len);

/* scripted-host.c */
void scripted_complete(struct skybus_request *request, const struct skybus_reply *reply,
		       const char *call);
struct skybus_verdict *scripted_lend_verdict(struct skybus_link *link, uint32_t kind);

/* scripted-messages.c */
const struct skybus_message *scripted_lend_messages(struct skybus_link *link,
						    const struct skybus_message *messages,
						    uint32_t n);

/* scripted-calls.c */
void scripted_drop_session(struct skybus_link *link);
void scripted_forget_session(struct scripted_session *session);
void scripted_drop_fetches(struct skybus_link *link);
void scripted_forget_fetch(struct scripted_fetch *fetch);
void scripted_remove_timer(struct skybus_link *link, struct scripted_timer *timer);

/* scripted-requests.c */
struct skybus_request *scripted_request_new(struct skybus_link *link, enum scripted_kind kind);
void scripted_request_free(struct skybus_request *request);
void scripted_drop_requests(struct scripted_requests *requests);
void scripted_host_request_method(struct skybus_request *request, uint32_t method);
void scripted_host_request_path(struct skybus_request *request, const char *path);
void scripted_host_request_query(struct skybus_request *request, const char *query);
void scripted_host_request_option(struct skybus_request *request, uint32_t number,
				  const void *value, uint32_t len);
void scripted_host_request_uint(struct skybus_request *request, uint32_t number, uint32_t value);
void scripted_host_request_payload(struct skybus_request *request, const void *data, uint32_t len);
void scripted_host_request_note(struct skybus_request *request, uint64_t note);
struct skybus_request *scripted_host_new_request(struct skybus_link *link);
void scripted_host_free_request(struct skybus_request *request);
int32_t scripted_host_send_request(struct skybus_request *request, uint32_t timeout_ms,
				   skybus_replied_fn *done, void *tag);

bool scripted_take_to_send(struct skybus_request *request, const char *call);

/* scripted-observe.c */
void scripted_drop_observations(struct skybus_link *link);
int64_t scripted_host_observe(struct skybus_request *request, uint32_t timeout_ms,
			      skybus_replied_fn *notified, void *tag);
void scripted_host_observe_stop(struct skybus_link *link, int64_t handle);

/* scripted-commands.c */
void scripted_forget_command(struct scripted_command *command);
void scripted_response_free(struct skybus_response *response);
int32_t scripted_host_deliver(struct skybus_link *link, const struct skybus_command *command);
void scripted_host_response_code(struct skybus_response *response, uint32_t code);
void scripted_host_response_payload(struct skybus_response *response, uint32_t content_format,
				    const void *data, uint32_t len);
void scripted_host_response_topic(struct skybus_response *response, const char *topic);

/* scripted-store.c */
void scripted_remove_entry(struct skybus_link *link, struct scripted_entry *entry);
const uint8_t *scripted_host_store_get(struct skybus_link *link, const char *key,
				       uint32_t *ret_len);
int32_t scripted_host_store_put(struct skybus_link *link, const char *key, const void *data,
				uint32_t len, skybus_stored_fn *done, void *tag);
int32_t scripted_host_store_remove(struct skybus_link *link, const char *key,
				   skybus_stored_fn *done, void *tag);
