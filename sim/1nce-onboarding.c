/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/1nce-onboarding.h"
#include "sim/cleanup.h"

static const char type_json[] = "application/json";
static const char type_csv[] = "text/csv";

static const struct {
	const char *range;
	const char *type;
} accepted[] = {
	{ "application/json", type_json }, { "application/*", type_json }, { "*/*", type_json },
	{ "text/csv", type_csv },	   { "text/*", type_csv },
};

static const char *type_for(const char *range, size_t len)
{
	for (size_t i = 0; i < SIM_ELEMENTS(accepted); i++)
		if (strlen(accepted[i].range) == len &&
		    strncasecmp(accepted[i].range, range, len) == 0)
			return accepted[i].type;

	return NULL;
}

/**
 * sim_1nce_onboarding_accept() - what a client wants to be answered in
 * @accept: its Accept; "" is JSON. Weights are ignored: the first that can be had is taken.
 * @ret_type: a Content-Type, static
 *
 * Return: 0; -ENOTSUP when it wants nothing that there is.
 */
int sim_1nce_onboarding_accept(const char *accept, const char **ret_type)
{
	const char *type = *accept ? NULL : type_json;

	while (!type && *accept) {
		accept += strspn(accept, " \t,");
		type = type_for(accept, strcspn(accept, " \t,;"));
		accept += strcspn(accept, ",");
	}
	if (!type)
		return -ENOTSUP;
	*ret_type = type;

	return 0;
}

static void fill(struct sim_http_reply *reply, unsigned int status, const char *type,
		 const char *body)
{
	reply->status = status;
	reply->content_type = type;
	reply->body_len = (size_t)snprintf(reply->body, sizeof(reply->body), "%s", body);
}

static void fill_json(struct sim_http_reply *reply, unsigned int status, const json_t *root)
{
	SIM_CLEANUP(free) char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;

	if (text && strlen(text) < sizeof(reply->body))
		fill(reply, status, type_json, text);
	else
		fill(reply, 500, type_json,
		     "{\"statusText\":\"Internal Server Error\",\"errors\":[]}");
}

/**
 * sim_1nce_onboarding_grant() - answer with identity and key
 * @reply: filled
 * @type: from sim_1nce_onboarding_accept()
 * @csv: what CSV is like
 * @identity: the ICCID
 * @key: the key
 */
void sim_1nce_onboarding_grant(struct sim_http_reply *reply, const char *type,
			       enum sim_1nce_csv csv, const char *identity, const char *key)
{
	json_auto_t *root = NULL;
	char text[256];

	if (type == type_json) {
		root = json_pack("{s:s, s:s}", "clientIdentity", identity, "preSharedKey", key);
		fill_json(reply, 200, root);
		return;
	}

	if (csv == SIM_1NCE_IDENTITY_FIRST)
		(void)snprintf(text, sizeof(text), "\"%s, %s\"", identity, key);
	else
		(void)snprintf(text, sizeof(text), "%s,%s", key, identity);
	fill(reply, 200, type_csv, text);
}

/* Reads one number of a range; UINT64_MAX when there is none. */
static bool read_number(const char **text, uint64_t *ret)
{
	size_t len = strspn(*text, "0123456789");

	if (len > 9)
		return false;

	*ret = len > 0 ? strtoull(*text, NULL, 10) : UINT64_MAX;
	*text += len;

	return true;
}

/* Reads "bytes=0-99", "bytes=100-" and "bytes=-20". */
static bool read_range(const char *text, uint64_t *ret_first, uint64_t *ret_last)
{
	if (strncasecmp(text, "bytes=", 6) != 0)
		return false;

	text += 6;
	if (!read_number(&text, ret_first) || *text++ != '-' || !read_number(&text, ret_last))
		return false;
	if (*ret_first == UINT64_MAX && *ret_last == UINT64_MAX)
		return false;

	return *text == '\0' && (*ret_first == UINT64_MAX || *ret_first <= *ret_last);
}

/**
 * sim_1nce_onboarding_cut() - leave of a reply what was asked for
 * @reply: with status 200
 * @range: the client's Range; one that makes no sense is ignored (RFC 9110 section 14.2), as are
 *	several at once
 */
void sim_1nce_onboarding_cut(struct sim_http_reply *reply, const char *range)
{
	uint64_t total = reply->body_len, first, last;

	if (!read_range(range, &first, &last))
		return;

	if (first == UINT64_MAX) {
		first = last < total ? total - last : 0;
		last = total - 1;
	}
	if (first >= total) {
		(void)snprintf(reply->content_range, sizeof(reply->content_range),
			       "bytes */%" PRIu64, total);
		reply->status = 416;
		reply->body_len = 0;
		return;
	}
	if (last >= total)
		last = total - 1;
	(void)snprintf(reply->content_range, sizeof(reply->content_range),
		       "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, last, total);
	reply->status = 206;
	reply->body_len = (size_t)(last - first + 1);
	memmove(reply->body, reply->body + first, reply->body_len);
}

/**
 * sim_1nce_onboarding_refuse() - answer with an error
 * @reply: filled
 * @status: of HTTP
 * @error: what is wrong
 */
void sim_1nce_onboarding_refuse(struct sim_http_reply *reply, unsigned int status,
				const char *error)
{
	json_auto_t *root = NULL;

	root = json_pack("{s:s, s:[{s:s}]}", "statusText", MHD_get_reason_phrase_for(status),
			 "errors", "message", error);
	fill_json(reply, status, root);
}
