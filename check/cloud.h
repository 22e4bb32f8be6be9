/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The cloud as far as a plugin under check sees it: what is answered to its requests and its fetches, by a
 * script as skybus-sim plays it, or 2.04 without a payload to everything.
 */
#include <stdbool.h>
#include <stdint.h>

#include "check/scripted-host.h"
#include "daemon/problems.h"

struct check_cloud;

int check_cloud_new(const char *file, struct sb_problems *problems, struct check_cloud **ret);
struct check_cloud *check_cloud_free(struct check_cloud *cloud);
bool check_cloud_given(const struct check_cloud *cloud);

void check_cloud_begin(struct check_cloud *cloud);
void check_cloud_reply(struct check_cloud *cloud, const struct skybus_request *request,
		       struct skybus_reply *ret);
const char *check_cloud_fetch(struct check_cloud *cloud, const char *url, uint32_t *ret_status);
int32_t check_cloud_open(struct check_cloud *cloud, const struct scripted_session *session);
