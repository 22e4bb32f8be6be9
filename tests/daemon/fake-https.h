/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTPS without a network, linked in the place of daemon/https*.c: the test sees what is fetched and says
 * what comes back.
 */
#include "daemon/https.h"

/** struct fake_web - what happened, and what is to happen */
struct fake_web {
	unsigned int n_fetches; /* under way */
	unsigned int n_cancelled;
	char url[128]; /* of the last */
	char interface[16]; /* likewise; "" for any */
	int error; /* of sb_https_get() */
};

extern struct fake_web fake_web;

void fake_web_reset(void);
struct sb_https *fake_https(void);
void fake_fetched(uint32_t status, const char *body);
