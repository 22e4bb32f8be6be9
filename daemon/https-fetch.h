/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One fetch: what libcurl is told of it, its body, and the sentence that says why it failed. What
 * https.c and https-fetch.c share.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/cleanup.h"
#include "daemon/https-curl.h"
#include "daemon/https.h"

/**
 * struct sb_fetch - one
 * @entry: in the list of its @https
 * @https: under way there
 * @curl: lent
 * @easy: libcurl's
 * @headers: of the request
 * @roots: a file in memory; -1 for the system's
 * @where: "host:port", for people
 * @interface: as libcurl has it, "if!eth0"; NULL for whichever
 * @wire: counts what it costs; NULL for nobody
 * @timeout_ms: for all of it
 * @body: NULL until something came; zero follows
 * @body_len: in bytes
 * @body_max: bytes that are taken
 * @room: bytes of @body that are allocated
 * @too_large: more than @body_max came
 * @detail: libcurl's phrase on a failure, or ""
 * @done: NULL once it has been called
 * @userdata: for @done
 */
struct sb_fetch {
	TAILQ_ENTRY(sb_fetch) entry;
	struct sb_https *https;
	const struct sb_curl *curl;
	CURL *easy;
	struct curl_slist *headers;
	int roots;
	char *where;
	char *interface;
	struct sb_wire *wire;
	uint32_t timeout_ms;
	uint8_t *body;
	size_t body_len;
	size_t body_max;
	size_t room;
	bool too_large;
	char detail[CURL_ERROR_SIZE];
	sb_fetched_fn *done;
	void *userdata;
};

int sb_fetch_new(const struct sb_curl *curl, const struct skybus_fetch *plan,
		 const struct sb_fetch_way *way, struct sb_fetch **ret);
struct sb_fetch *sb_fetch_free(struct sb_fetch *fetch);
SB_DEFINE_CLEANUP(struct sb_fetch *, sb_fetch_free)

void sb_fetch_tell(struct sb_fetch *fetch, CURLcode result);
