/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A cloud that a file describes: which requests there are, and what is answered to each. The first
 * rule that matches answers; if none does, the answer is 4.04.
 *
 *   answers:
 *     - method: POST
 *       path: /login
 *       query: key=demo
 *       code: 2.05
 *       format: json
 *       payload: '{"token":"t-1","expires":3600}'
 *     - path: /up/#
 *       code: 2.04
 *
 * skybus-sim(1) has the whole language. It knows no socket and no CoAP library, so whatever can
 * tell a request from a reply can play a cloud by it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sb_problems;
struct sim_script;

/** No Content-Format, no Max-Age. */
#define SIM_SCRIPT_NONE UINT32_MAX

/** The most options that one answer may have. */
#define SIM_SCRIPT_OPTIONS 4

/** The longest payload of an answer, in bytes: with the options it fits one datagram. */
#define SIM_SCRIPT_PAYLOAD_MAX 1024

/** How many commands may wait, sim_script_command(). */
#define SIM_SCRIPT_COMMANDS 50

/**
 * struct sim_script_request - a request
 * @method: its code, RFC 7252 section 12.1.1: 1 is GET
 * @path: "/a/b"; "/" for none
 * @query: "a=1&b=2"; "" for none
 * @payload: may be NULL when @payload_len is 0
 * @payload_len: bytes
 */
struct sim_script_request {
	uint32_t method;
	const char *path;
	const char *query;
	const uint8_t *payload;
	size_t payload_len;
};

/** struct sim_script_option - one CoAP option of an answer */
struct sim_script_option {
	uint16_t number;
	size_t len;
	uint8_t *value;
};

/**
 * struct sim_script_reply - what is answered; pointers are lent until the script is asked again
 * @line: of the rule in its file; 0 when none matched
 * @observable: the request may be one to observe, RFC 7641
 * @silent: nothing is answered at all, and only @line counts
 * @code: the class in the upper three bits, RFC 7252 section 3
 * @content_format: or SIM_SCRIPT_NONE
 * @max_age: in seconds, or SIM_SCRIPT_NONE
 * @payload: @payload_len bytes
 * @options: beside Content-Format and Max-Age, in the order of their numbers
 */
struct sim_script_reply {
	size_t line;
	bool observable;
	bool silent;
	uint8_t code;
	uint32_t content_format;
	uint32_t max_age;
	const uint8_t *payload;
	size_t payload_len;
	const struct sim_script_option *options;
	size_t n_options;
};

int sim_script_read(const char *file, struct sb_problems *problems, struct sim_script **ret);
struct sim_script *sim_script_free(struct sim_script *script);

bool sim_script_answer(struct sim_script *script, const struct sim_script_request *request,
		       struct sim_script_reply *ret);
const uint8_t *sim_script_key(const struct sim_script *script, const char *identity,
			      size_t *ret_len);
int sim_script_command(struct sim_script *script, const char *path, const char *payload);
bool sim_script_changed(const struct sim_script *script, const char *path, const char *payload,
			struct sim_script_reply *ret);
void sim_script_rewind(struct sim_script *script);
