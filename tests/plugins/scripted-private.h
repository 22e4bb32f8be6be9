/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of the scripted host, shared by its parts: scripted-host.c (what a test does),
 * scripted-calls.c (what the plugin is lent) and scripted-rules.c (what is watched, and settings).
 */
#include "tests/plugins/scripted-host.h"

/* What attach() lends of one setting: in a block of its own, until detach(). */
struct scripted_value {
	char *text;
	uint8_t *secret;
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
void scripted_check_verdict(struct skybus_link *link, const char *call,
			    struct skybus_verdict *verdict);

void scripted_lend_settings(struct skybus_link *link);
void scripted_return_settings(struct skybus_link *link);
const char *scripted_setting_text(struct skybus_link *link, const char *key);
int64_t scripted_setting_integer(struct skybus_link *link, const char *key);
const uint8_t *scripted_setting_secret(struct skybus_link *link, const char *key,
				       uint32_t *ret_len);

/* scripted-calls.c */
struct skybus_request *scripted_request_new(struct skybus_link *link, enum scripted_kind kind);
void scripted_request_free(struct skybus_request *request);
void scripted_drop_requests(struct scripted_requests *requests);
void scripted_drop_session(struct skybus_link *link);
void scripted_remove_timer(struct skybus_link *link, struct scripted_timer *timer);
void scripted_forget_command(struct scripted_command *command);
void scripted_remove_entry(struct skybus_link *link, struct scripted_entry *entry);
