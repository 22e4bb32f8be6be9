/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An HTTPS request and its reply as values, for the clouds that hand out keys that way.
 */
#include <stddef.h>
#include <stdint.h>

#define SIM_HTTP_BODY_MAX 4096

/** struct sim_http_request - a GET; everything is lent; what was not sent is "" */
struct sim_http_request {
	uint64_t now; /* as in struct sim_request */
	const char *peer; /* "127.0.0.1:40000" */
	const char *path; /* "/a/b" */
	const char *accept;
	const char *range; /* "bytes=0-99" */
	unsigned int refusal; /* the status to refuse it with, whatever it asks for; 0: none */
};

/** struct sim_http_reply - filled by the cloud; begins as 404 without body */
struct sim_http_reply {
	unsigned int status;
	const char *content_type; /* static */
	char content_range[80]; /* "bytes 0-99/120"; "" for none */
	size_t body_len;
	char body[SIM_HTTP_BODY_MAX];
};
