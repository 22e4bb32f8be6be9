/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The body of an HTTPS answer, which may come in pieces: RFC 9110 section 14.
 */
#include <stdint.h>

#include "skybus/plugin.h"

#define NCE_BODY_MAX 4096

/**
 * struct nce_body - as much of it as has come; all zero to begin with; to be wiped
 * @len: bytes that are there
 * @total: how many there will be; 0 until a piece has told
 */
struct nce_body {
	uint32_t len;
	uint32_t total;
	char bytes[NCE_BODY_MAX];
};

int nce_body_add(struct nce_body *body, const struct skybus_fetched *fetched);
