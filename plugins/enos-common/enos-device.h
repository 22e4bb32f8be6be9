/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One device at EnOS, as the plugins for plain CoAP and for DTLS share it: topics as requests, the
 * envelope, the keepalive, and how a login fails.
 */
#include <stdbool.h>
#include <stdint.h>

#include "plugins/enos-common/enos-limit.h"
#include "plugins/enos-common/enos-settings.h"
#include "skybus/plugin.h"

#define ENOS_TOPIC_MAX 512

/* "/sys/PRODUCT_KEY/DEVICE_KEY/thing/measurepoint/post" */
#define ENOS_OWN_TOPIC_SIZE (2 * ENOS_KEY_MAX + 48)

struct enos_device;

/** Adds to a request what the session asks for. Returns 0 or a negative errno. */
typedef int enos_sign_fn(struct enos_device *device, struct skybus_request *request);

/**
 * struct enos_device - the first member of a plugin's state, so that the calls below that take a
 *	state are the plugin's
 * @product_key, @device_key: lent by the host
 * @name: for people
 * @measurepoint: the topic of measured values
 * @sign: NULL when requests go out as they are
 * @wraps: whether measured values get their envelope
 * @batch_s: a message may wait so many seconds for others; 0 for each alone
 * @unanswered: the code of the reply to a command that no app answers; "" for no reply
 * @command_topic: of the command that is being fetched, owned
 * @n_fetched: commands that were fetched one after the other, each told of by the one before
 */
struct enos_device {
	const struct skybus_host *host;
	struct skybus_link *link;
	const char *product_key;
	const char *device_key;
	char name[2 * ENOS_KEY_MAX + 2];
	char measurepoint[ENOS_OWN_TOPIC_SIZE];
	enos_sign_fn *sign;
	bool wraps;
	uint32_t batch_s;
	char unanswered[16];
	char *command_topic;
	unsigned int n_fetched;
	struct enos_limit limit;
};

int32_t enos_device_init(struct enos_device *device, const struct skybus_host *host,
			 struct skybus_link *link, struct skybus_verdict *why);
void enos_device_done(struct enos_device *device);
int32_t enos_device_check_keys(const struct enos_device *device, char separator,
			       struct skybus_verdict *why);

int enos_device_fill(struct enos_device *device, struct skybus_request *request, const char *topic);
void enos_device_fail(struct enos_device *device, uint32_t kind, const char *reason);
void enos_device_fail_inside(struct enos_device *device, const struct skybus_reply *reply,
			     int64_t code);
uint32_t enos_device_keepalive_s(const struct enos_device *device);
bool enos_device_wraps(const struct enos_device *device, const struct skybus_message *message);
int32_t enos_device_finish(struct enos_device *device, struct skybus_request *request,
			   const char *topic, struct skybus_verdict *verdict);

int32_t enos_device_encode(void *state, const struct skybus_message *message,
			   struct skybus_request *request, struct skybus_verdict *verdict);
void enos_device_decide(void *state, const struct skybus_message *message,
			const struct skybus_reply *reply, struct skybus_verdict *verdict);
int32_t enos_device_accept(void *state, const struct skybus_message *message,
			   struct skybus_verdict *why);
int32_t enos_device_keepalive(void *state, struct skybus_request *request);
const char *enos_device_name(void *state);
