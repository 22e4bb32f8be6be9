/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>

#include "plugins/aliyun/aliyun-code.h"

/* So long at most is the cloud's word for "later" believed. */
#define LATER_MAX_S 3600

/* struct row - one code; the last row of a class is for its others */
struct row {
	uint32_t code;
	uint32_t kind; /* of a failed login */
	uint32_t verdict; /* over a message */
	bool names_secret; /* the sentence about a login goes on with its setting */
	const char *login;
	const char *message;
};

/*
 * 4.04 and 4.05 at the login may come from another server for a while: nothing to give up for. 4.02 is not
 * in the vendor's table, but has been seen for a token that was over.
 */
static const struct row rows[] = {
	{ SKYBUS_CODE(4, 0), SKYBUS_CONFIGURATION, SKYBUS_REJECTED, false,
	  "Aliyun does not understand the login: check product_key, device_name, client_id, "
	  "sign_method and mode",
	  "Aliyun does not understand the message: check its payload" },
	{ SKYBUS_CODE(4, 1), SKYBUS_CREDENTIALS, SKYBUS_RELOGIN, true,
	  "Aliyun refuses who the device says it is: check product_key, device_name, sign_method and",
	  "the token is over, or Aliyun does not know it" },
	{ SKYBUS_CODE(4, 2), SKYBUS_CREDENTIALS, SKYBUS_RELOGIN, true,
	  "Aliyun refuses the login as invalid: check product_key, device_name, sign_method and",
	  "Aliyun says that the token is invalid" },
	{ SKYBUS_CODE(4, 3), SKYBUS_CREDENTIALS, SKYBUS_REJECTED, false,
	  "Aliyun forbids the login: is the device disabled in the console?",
	  "Aliyun forbids this topic: is it the device's own, and may devices publish to it?" },
	{ SKYBUS_CODE(4, 4), SKYBUS_TRANSIENT, SKYBUS_REJECTED, false,
	  "host and port answer, but know no such login: check host, port and mode",
	  "Aliyun knows no such topic: create its category in the console" },
	{ SKYBUS_CODE(4, 5), SKYBUS_TRANSIENT, SKYBUS_REJECTED, false,
	  "host and port answer, but take no POST for a login: check host and port",
	  "Aliyun takes no POST for this topic: devices may not publish to it" },
	{ SKYBUS_CODE(4, 6), SKYBUS_CONFIGURATION, SKYBUS_REJECTED, false,
	  "Aliyun cannot answer in this encoding (Accept): set encoding to the other one",
	  "Aliyun cannot answer in this encoding (Accept): set encoding to the other one" },
	{ SKYBUS_CODE(4, 13), SKYBUS_CONFIGURATION, SKYBUS_REJECTED, false,
	  "the login is too large for Aliyun: shorten client_id",
	  "the message is too large for Aliyun: split it, and lower max_payload" },
	{ SKYBUS_CODE(4, 15), SKYBUS_CONFIGURATION, SKYBUS_REJECTED, false,
	  "Aliyun does not take this encoding (Content-Format): set encoding to the other one",
	  "Aliyun does not take this Content-Format: publish JSON or CBOR" },
	{ SKYBUS_CODE(4, 29), SKYBUS_TRANSIENT, SKYBUS_RETRY, false,
	  "Aliyun has had too many logins of this device and asks for patience",
	  "Aliyun takes about 30 messages a second of a device, and asks for patience" },
	{ SKYBUS_CODE(4, 31), SKYBUS_TRANSIENT, SKYBUS_REJECTED, false, "Aliyun refuses the login",
	  "Aliyun refuses this message" },
	{ SKYBUS_CODE(5, 0), SKYBUS_TRANSIENT, SKYBUS_RETRY, false,
	  "the login took Aliyun too long, or its server has an error",
	  "Aliyun's server has an error" },
	{ SKYBUS_CODE(5, 31), SKYBUS_TRANSIENT, SKYBUS_RETRY, false,
	  "Aliyun cannot log the device in at present",
	  "Aliyun is too busy, or has an error of its own" },
};

static const struct row strange = {
	.kind = SKYBUS_TRANSIENT,
	.verdict = SKYBUS_RETRY,
	.login = "host and port answer with a code that is none of CoAP's: check them",
	.message = "Aliyun answers with a code that is none of CoAP's",
};

/* 4.31 and 5.31 stand for what is not listed. */
static const struct row *find_row(uint32_t code)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code == code || rows[i].code == (code | 31))
			return &rows[i];
	}

	return &strange;
}

static uint32_t later_s(const struct skybus_reply *reply)
{
	if (reply->max_age == UINT32_MAX)
		return 0;

	return reply->max_age > LATER_MAX_S ? LATER_MAX_S : reply->max_age;
}

/**
 * aliyun_code_login() - a login, or a registration, was refused
 * @reply: answered, not of class 2
 * @secret: the setting whose secret has signed it
 * @ret: why
 */
void aliyun_code_login(const struct skybus_reply *reply, const char *secret,
		       struct aliyun_refusal *ret)
{
	const struct row *row = find_row(reply->code);

	ret->kind = row->kind;
	ret->wait_s = row->verdict == SKYBUS_RETRY ? later_s(reply) : 0;
	(void)snprintf(ret->reason, sizeof(ret->reason), "%s%s%s (%u.%02u)", row->login,
		       row->names_secret ? " " : "", row->names_secret ? secret : "",
		       SKYBUS_CODE_CLASS(reply->code), reply->code & 31);
}

/**
 * aliyun_code_decide() - what a code means for a message
 * @reply: answered
 * @verdict: filled
 */
void aliyun_code_decide(const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	const struct row *row;

	if (SKYBUS_CODE_CLASS(reply->code) == 2) {
		verdict->kind = SKYBUS_DELIVERED;
		return;
	}
	row = find_row(reply->code);
	verdict->kind = row->verdict;
	if (row->verdict == SKYBUS_RETRY)
		verdict->retry_after_ms = later_s(reply) * 1000;
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "%s (%u.%02u)", row->message,
		       SKYBUS_CODE_CLASS(reply->code), reply->code & 31);
}
