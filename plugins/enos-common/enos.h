/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What EnOS has in common over plain CoAP and over DTLS: topics, replies, commands, the PSK rule.
 * Nothing in here talks to the daemon.
 */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "skybus/plugin.h"

/* Options by which a reply tells of waiting commands. Vendor's documents on CoAP downlink. */
#define ENOS_OPTION_COMMAND_PATH 2100
#define ENOS_OPTION_SIGN 2101
#define ENOS_OPTION_COMMAND 2102

/* Codes inside the JSON of a reply. Vendor's documents. */
#define ENOS_CODE_OK 200
#define ENOS_CODE_NO_DEVICE 705
#define ENOS_CODE_DISABLED 723
#define ENOS_CODE_BAD_SIGN 742
#define ENOS_CODE_NOT_LOGGED_IN 1009

#define ENOS_KEY_LEN 16

/* How a device proves who it is. */
#define ENOS_BY_DEVICE 2 /* with its own secret */
#define ENOS_BY_PRODUCT 3 /* with its product's, in order to be told its own */

int enos_key(const uint8_t *secret, size_t secret_len, uint8_t ret_key[ENOS_KEY_LEN]);
void enos_hex(const uint8_t *data, size_t len, char *ret_text);

json_t *enos_json(const uint8_t *text, uint32_t len);
int32_t enos_accept(const struct skybus_message *message, uint32_t max_payload,
		    struct skybus_verdict *why);
int64_t enos_code_of(const json_t *root);
int64_t enos_json_code(const struct skybus_reply *reply);
void enos_decide(const struct skybus_reply *reply, struct skybus_verdict *verdict);
const struct skybus_option *enos_find_option(const struct skybus_reply *reply, uint32_t number);
char *enos_command_topic(const struct skybus_reply *reply);
