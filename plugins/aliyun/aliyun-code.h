/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The return codes of Aliyun: what each means for a login, and for a message. Source: Aliyun, "Establish
 * connections over CoAP", table of return codes.
 */
#include "skybus/plugin.h"

/** struct aliyun_refusal - why a login failed, as host->failed() takes it */
struct aliyun_refusal {
	uint32_t kind;
	uint32_t wait_s;
	char reason[256];
};

void aliyun_code_login(const struct skybus_reply *reply, const char *secret,
		       struct aliyun_refusal *ret);
void aliyun_code_decide(const struct skybus_reply *reply, struct skybus_verdict *verdict);
