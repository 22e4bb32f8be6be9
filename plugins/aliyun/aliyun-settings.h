/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The settings of a link to Aliyun: the table, and what it comes to once defaults are made and
 * contradictions are refused.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugins/aliyun/aliyun-crypto.h"
#include "skybus/plugin.h"

#define ALIYUN_CLIENT_ID_MAX 64
#define ALIYUN_SECRET_MAX 128
#define ALIYUN_BINDING_LEN 32

#define ALIYUN_SETTINGS_LEN 23

extern const struct skybus_setting aliyun_settings_table[ALIYUN_SETTINGS_LEN];

/** struct aliyun_settings - what is lent is so until detach() */
struct aliyun_settings {
	const char *product_key;
	const char *device_name;
	char client_id[ALIYUN_CLIENT_ID_MAX + 1];
	char device[80]; /* for people */
	char host[256];
	uint32_t port;
	bool dtls;
	bool psk; /* within dtls */
	struct aliyun_secret device_secret; /* empty when the cloud is to be asked */
	struct aliyun_secret product_secret; /* empty otherwise */
	struct aliyun_secret root_ca; /* no secret, but lent like one; may be empty */
	const char *server_name; /* may be NULL */
	const char *sign_method;
	bool ack_later; /* ack_mode 1 */
	uint32_t format; /* of /auth, and of what we accept: SKYBUS_FORMAT_JSON or _CBOR */
	int64_t seq; /* in /auth */
	int64_t timestamp; /* in /auth; 0 for none */
	uint32_t keepalive_s; /* 0 for never */
	uint32_t pull_s; /* 0 for never */
	bool envelope;
	uint32_t batch_s; /* 0 for each message alone */
	uint32_t max_payload; /* bytes */
};

int aliyun_settings_read(const struct skybus_host *host, struct skybus_link *link,
			 struct aliyun_settings *ret, struct skybus_verdict *why);
int aliyun_settings_bind(const struct aliyun_settings *settings, const struct aliyun_secret *secret,
			 uint8_t ret_binding[ALIYUN_BINDING_LEN]);
int aliyun_settings_bind_device(const struct aliyun_settings *settings,
				uint8_t ret_binding[ALIYUN_BINDING_LEN]);
