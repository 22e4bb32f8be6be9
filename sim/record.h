/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The record: what came to the clouds and what became of it, one JSON object a line. A test reads
 * it as the other side's truth, so a line is in the file before the reply is on the wire.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_record;

/**
 * struct sim_event - one line of the record; what is NULL or 0 is left out
 * @event: "message", and behind one with many points "point" for each; "login", "login-refused", "refused",
 *	"onboarding", "command"
 * @cloud: its name
 * @peer: the sender's address
 * @identity: the PSK identity of the sender's session
 * @device: "product key/device key"; or whatever the cloud calls it
 * @session: counts the cloud's logins from 1
 * @method: of the request, where the cloud tells them apart; a CoAP code
 * @topic: of the message, or the path that was refused
 * @query: of the request, "a=1&b=2"
 * @payload: as text if it is UTF-8, else as "payload_base64"
 * @payload_len: bytes
 * @sequence: the number that a signed request carried
 * @code: what the sender was told, "4.01" or a code of the cloud's own
 * @reason: why it was refused
 */
struct sim_event {
	const char *event;
	const char *cloud;
	const char *peer;
	const char *identity;
	const char *device;
	uint64_t session;
	uint8_t method;
	const char *topic;
	const char *query;
	const uint8_t *payload;
	size_t payload_len;
	uint64_t sequence;
	const char *code;
	const char *reason;
};

int sim_record_open(const char *path, struct sim_record **ret);
struct sim_record *sim_record_close(struct sim_record *record);
void sim_record_write(struct sim_record *record, const struct sim_event *event);
void sim_record_set_payload(json_t *object, const uint8_t *payload, size_t len);
bool sim_record_is_whole(const struct sim_record *record);
