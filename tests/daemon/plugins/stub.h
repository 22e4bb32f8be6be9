/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The least that a plugin must have. The plugins here differ from a good one in one thing each.
 */
#include <errno.h>

#include "skybus/plugin.h"

static inline int32_t stub_attach(const struct skybus_host *host, struct skybus_link *link,
				  void **ret_state, struct skybus_verdict *why)
{
	(void)host;
	(void)why;
	*ret_state = link;

	return 0;
}

static inline void stub_detach(void *state)
{
	(void)state;
}

static inline void stub_login(void *state)
{
	(void)state;
}

static inline int32_t stub_encode(void *state, const struct skybus_message *message,
				  struct skybus_request *request, struct skybus_verdict *verdict)
{
	(void)state;
	(void)message;
	(void)request;
	(void)verdict;

	return 0;
}

static inline void stub_decide(void *state, const struct skybus_message *message,
			       const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	(void)state;
	(void)message;
	(void)reply;
	verdict->kind = SKYBUS_DELIVERED;
}

#define STUB_TEXTS(plugin_name) .name = (plugin_name), .version = "1.0", .summary = "A test."

#define STUB_CALLS                                                                                \
	.attach = stub_attach, .detach = stub_detach, .login = stub_login, .encode = stub_encode, \
	.decide = stub_decide

#define STUB_SIZE .size = sizeof(struct skybus_plugin)
