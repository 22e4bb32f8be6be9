/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The two requests by which a device becomes known to Aliyun, and the replies to them: POST /auth, and
 * POST /auth/register/device, which tells a device its secret. Nothing in here talks to the daemon.
 */
#include <stddef.h>
#include <stdint.h>

#include "plugins/aliyun/aliyun-settings.h"

#define ALIYUN_TOKEN_MAX 192
#define ALIYUN_RANDOM_MAX 32

/** struct aliyun_grant - what /auth gives */
struct aliyun_grant {
	char token[ALIYUN_TOKEN_MAX + 1];
	char random[ALIYUN_RANDOM_MAX + 1]; /* symmetric only, else "" */
	uint64_t offset; /* symmetric only: sequence numbers are greater */
};

int aliyun_auth_write(const struct aliyun_settings *settings, const struct aliyun_secret *secret,
		      char **ret_payload, size_t *ret_len);
const char *aliyun_auth_read(const struct aliyun_settings *settings,
			     const struct skybus_reply *reply, struct aliyun_grant *ret);

int aliyun_register_write(const struct aliyun_settings *settings, char **ret_payload,
			  size_t *ret_len);
const char *aliyun_register_read(const struct aliyun_settings *settings,
				 const struct skybus_reply *reply,
				 uint8_t ret_secret[ALIYUN_SECRET_MAX], uint32_t *ret_len);

uint32_t aliyun_reply_format(const struct aliyun_settings *settings,
			     const struct skybus_reply *reply);
