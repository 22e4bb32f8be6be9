/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A CoAP reply as a value: a code, options and a payload, to be written once or, when the request
 * is repeated, several times.
 */
#include <stddef.h>
#include <stdint.h>

/** A CoAP code as one byte, RFC 7252 section 3: SIM_CODE(2, 4) is 2.04. */
#define SIM_CODE(class, detail) ((uint8_t)(((class) << 5) | (detail)))

#define SIM_CODE_CLASS(code) ((code) >> 5)
#define SIM_CODE_DETAIL(code) ((code) % 32)

/** A code as text, "4.01", with its terminating zero. */
#define SIM_CODE_TEXT 5

/** What a reply's options and payload may come to, in bytes: one datagram of 1152 holds it. */
#define SIM_REPLY_BYTES 1088

/** How many options and payloads a reply may have. */
#define SIM_REPLY_PARTS 9

/** The number of the payload among the parts; no option has it (RFC 7252 section 12.2). */
#define SIM_REPLY_PAYLOAD 0

/** struct sim_reply_part - where one option's value, or the payload, is in the bytes */
struct sim_reply_part {
	uint16_t number;
	uint16_t offset;
	uint16_t len;
};

/**
 * struct sim_reply - one reply
 * @code: SIM_CODE(class, detail); 0 while nobody has answered
 * @separate: 1: an empty ACK comes first, and the reply in a confirmable message of its own
 *	(RFC 7252 section 5.2.2); 0: it rides on the ACK
 * @silent: 1: nothing is sent at all, not even an ACK
 * @n_parts: how many of @parts are used
 * @used: how many of @bytes are used
 * @parts: in the order in which they were added
 * @bytes: their values
 */
struct sim_reply {
	uint8_t code;
	uint8_t separate;
	uint8_t silent;
	uint8_t n_parts;
	uint16_t used;
	struct sim_reply_part parts[SIM_REPLY_PARTS];
	uint8_t bytes[];
};

struct sim_reply *sim_reply_new(void);
struct sim_reply *sim_reply_copy(const struct sim_reply *reply);
struct sim_reply *sim_reply_free(struct sim_reply *reply);
void sim_reply_reset(struct sim_reply *reply);
int sim_reply_add(struct sim_reply *reply, uint16_t number, const void *value, size_t len);
const uint8_t *sim_reply_find(const struct sim_reply *reply, uint16_t number, size_t *ret_len);

void sim_code_print(uint8_t code, char ret_text[SIM_CODE_TEXT]);
