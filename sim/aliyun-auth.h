/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a device sends to log in to Aliyun or to ask for its secret: an object of texts and numbers
 * that is signed.
 */
#include <jansson.h>
#include <stdbool.h>

const char *sim_aliyun_login_fault(const json_t *login);
const char *sim_aliyun_register_fault(const json_t *asked);

int sim_aliyun_verify(const json_t *fields, const char *secret);
bool sim_aliyun_wants_separate(const json_t *login);
