/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One request to an Aliyun cloud on its way to a reply: who sends it, what it holds once it is
 * decrypted, and the ways in which it can end.
 */
#include <jansson.h>
#include <stdbool.h>

#include "sim/aliyun-device.h"
#include "sim/aliyun-format.h"
#include "sim/cloud.h"
#include "sim/point.h"

/* The doors of the cloud. */
enum {
	SIM_ALIYUN_SYMMETRIC,
	SIM_ALIYUN_DTLS,
};

/* Options, RFC 7252 section 12.2 and RFC 7959, and the vendor's own. */
enum {
	SIM_ALIYUN_CONTENT_FORMAT = 12,
	SIM_ALIYUN_ACCEPT = 17,
	SIM_ALIYUN_BLOCK1 = 27,
	SIM_ALIYUN_OLD_TOKEN = 61, /* of an earlier generation of the vendor's clients */
	SIM_ALIYUN_TOKEN = 2088,
	SIM_ALIYUN_SEQUENCE = 2089,
	SIM_ALIYUN_MESSAGE_ID = 2090,
};

/** A timestamp of a PSK identity, with its terminating zero. */
#define SIM_ALIYUN_TIMESTAMP_SIZE 21

/**
 * struct sim_aliyun - the cloud
 * @cloud: what the endpoint sees
 * @setup: lent
 * @devices: who may log in
 * @n_messages: the last id of a message
 */
struct sim_aliyun {
	struct sim_cloud cloud;
	const struct sim_setup *setup;
	struct sim_aliyun_devices devices;
	uint64_t n_messages;
};

/**
 * struct sim_aliyun_exchange - a request and its reply
 * @aliyun: the cloud
 * @request: lent
 * @reply: to be filled
 * @device: who sends; NULL until that is known
 * @session: its login; NULL until that is known
 * @topic: what the path names; the path itself where it is no topic
 * @sequence: the request's number, 0 without
 * @payload: decrypted
 * @payload_len: bytes
 * @buffer: what was decrypted
 */
struct sim_aliyun_exchange {
	struct sim_aliyun *aliyun;
	const struct sim_request *request;
	struct sim_reply *reply;
	struct sim_aliyun_device *device;
	struct sim_aliyun_session *session;
	const char *topic;
	uint64_t sequence;
	const uint8_t *payload;
	size_t payload_len;
	uint8_t buffer[SIM_PAYLOAD_MAX];
};

void sim_aliyun_note(const struct sim_aliyun_exchange *exchange, const char *event,
		     const char *code, const char *reason);
void sim_aliyun_note_point(void *userdata, const struct sim_point *point);
void sim_aliyun_refuse(struct sim_aliyun_exchange *exchange, const char *event, uint8_t code,
		       const char *reason);
void sim_aliyun_answer(struct sim_aliyun_exchange *exchange, enum sim_format format,
		       const json_t *root);
void sim_aliyun_confirm(struct sim_aliyun_exchange *exchange, enum sim_format format,
			const json_t *root);

int sim_aliyun_option(const struct sim_request *request, uint16_t number);
enum sim_format sim_aliyun_format(const struct sim_request *request, uint16_t number);
struct sim_aliyun_device *sim_aliyun_identity(struct sim_aliyun *aliyun, const char *identity,
					      char ret_timestamp[SIM_ALIYUN_TIMESTAMP_SIZE]);
bool sim_aliyun_is_another(const struct sim_aliyun_exchange *exchange);
bool sim_aliyun_authenticate(struct sim_aliyun_exchange *exchange);

void sim_aliyun_serve_login(struct sim_aliyun_exchange *exchange);
void sim_aliyun_serve_register(struct sim_aliyun_exchange *exchange);
