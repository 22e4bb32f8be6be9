/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One request to an EnOS cloud on its way to a reply, from where the device is known. What a
 * device may do then is the same whichever way it came in.
 */
#include "sim/cloud.h"
#include "sim/enos-device.h"

/**
 * struct sim_enos_exchange - a request and its reply
 * @cloud: which is asked
 * @request: lent
 * @reply: to be filled
 * @device: who sends; NULL until that is known
 * @topic: what the path names; the path itself where it is no topic
 * @sequence: the number that the request was signed with, 0 without
 */
struct sim_enos_exchange {
	struct sim_cloud *cloud;
	const struct sim_request *request;
	struct sim_reply *reply;
	struct sim_enos_device *device;
	const char *topic;
	uint64_t sequence;
};

const char *sim_enos_path_topic(const char *path);

void sim_enos_note(const struct sim_enos_exchange *exchange, const char *event, const char *code,
		   const char *reason);
void sim_enos_note_command(const struct sim_enos_exchange *exchange,
			   const struct sim_command *command);
void sim_enos_refuse(struct sim_enos_exchange *exchange, const char *event, uint8_t code,
		     const char *reason);
void sim_enos_answer(struct sim_enos_exchange *exchange, uint8_t code, const char *payload);
void sim_enos_announce(struct sim_enos_exchange *exchange);

void sim_enos_publish(struct sim_enos_exchange *exchange);
void sim_enos_fetch(struct sim_enos_exchange *exchange);
