/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A cloud without a network: requests go in as values, dated at will, and what the cloud writes
 * into its record can be read. One at a time.
 */
#include <stddef.h>
#include <stdint.h>

#include "sim/cloud.h"

/**
 * struct cloud_fixture - the cloud and what its next request will be like
 * @setup: filled by the test before cloud_fixture_open()
 * @cloud, @reply: as a test may want to see them
 * @now: seconds
 * @door: as in struct sim_request, as are the next two
 * @identity: NULL without
 * @peer: "127.0.0.1:40000" unless it is changed
 */
struct cloud_fixture {
	struct sim_setup setup;
	struct sim_cloud *cloud;
	struct sim_reply *reply;
	uint64_t now;
	size_t door;
	const char *identity;
	const char *peer;
};

int cloud_fixture_open(struct cloud_fixture *fixture, const struct sim_cloud_type *type);
void cloud_fixture_close(struct cloud_fixture *fixture);

void cloud_fixture_option(uint16_t number, const void *value, size_t len);
uint8_t cloud_fixture_send(struct cloud_fixture *fixture, uint8_t method, const char *path,
			   const void *payload, size_t len);
const char *cloud_fixture_part(const struct cloud_fixture *fixture, uint16_t number,
			       size_t *ret_len);

const char *cloud_fixture_recorded(const char *member);
size_t cloud_fixture_count(const char *event);
