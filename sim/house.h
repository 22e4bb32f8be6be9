/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A cloud at work: what stands between its doors, which know no cloud, and its rules, which know no
 * network. Here it is counted what comes, and said what the control socket wants to be said instead
 * of the truth.
 */
#include "sim/cloud.h"

/**
 * struct sim_told - what is answered to the next requests, whatever they are
 * @code: SIM_CODE(class, detail); over HTTPS the like status, 5.00 as 500
 * @count: to how many; 0: nothing was told
 * @max_age: in seconds, said along with the code, RFC 7252 section 5.9.3.4; 0: it is not
 * @prefix: to those whose path begins so
 */
struct sim_told {
	uint8_t code;
	uint32_t count;
	uint8_t max_age;
	char prefix[SIM_PATH_MAX];
};

/**
 * struct sim_house - a cloud at work
 * @cloud: owned
 * @told: see there
 * @n_requests: how many have come, without repetitions
 * @n_repeated: how many repetitions
 * @n_refused_keys: how many handshakes have failed
 */
struct sim_house {
	struct sim_cloud *cloud;
	struct sim_told told;
	uint64_t n_requests;
	uint64_t n_repeated;
	uint64_t n_refused_keys;
};

int sim_house_init(struct sim_house *house, const struct sim_cloud_type *type,
		   const struct sim_setup *setup, struct sim_record *record);
void sim_house_done(struct sim_house *house);

void sim_house_serve(struct sim_house *house, const struct sim_request *request,
		     struct sim_reply *reply);
void sim_house_fetch(struct sim_house *house, const struct sim_http_request *request,
		     struct sim_http_reply *reply);
void sim_house_refuse(struct sim_house *house, const struct sim_request *request,
		      struct sim_reply *reply, uint8_t code, const char *reason);
void sim_house_refuse_key(struct sim_house *house, const char *peer, const char *identity,
			  const char *reason);
