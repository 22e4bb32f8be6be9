/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A link to Aliyun, and the parts of the plugin that talk to the daemon.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "plugins/aliyun/aliyun-auth.h"
#include "plugins/aliyun/aliyun-crypto.h"
#include "plugins/aliyun/aliyun-sequence.h"
#include "plugins/aliyun/aliyun-settings.h"
#include "skybus/plugin.h"

/* Options of the vendor's own. */
#define ALIYUN_OPTION_TOKEN 2088
#define ALIYUN_OPTION_SEQUENCE 2089
#define ALIYUN_OPTION_MESSAGE_ID 2090

#define ALIYUN_OPTION_CONTENT_FORMAT 12
#define ALIYUN_OPTION_ACCEPT 17

/* A token lives for seven days; the vendor's clients say so. */
#define ALIYUN_TOKEN_LIFE_S (7 * 86400)

/** struct aliyun_learned - the device's secret, if the cloud told it */
struct aliyun_learned {
	uint8_t data[ALIYUN_SECRET_MAX];
	uint32_t len; /* 0 for none */
	bool is_written; /* at present */
	bool on_disk;
};

/** struct aliyun_pass - what lets us in: a token, and all that belongs to it */
struct aliyun_pass {
	struct aliyun_grant grant; /* with an empty token for none */
	uint8_t key[ALIYUN_KEY_LEN]; /* symmetric only; of the last token, for what is under way */
	struct aliyun_sequence sequence; /* symmetric only */
	uint32_t serial; /* of the token, so that writes for another one are known */
	int64_t timer; /* until it is old; 0 for none */
	bool old; /* to be replaced soon */
	bool untried; /* of unknown age, and the cloud has taken nothing with it yet */
};

/** struct aliyun_progress - of the present login */
struct aliyun_progress {
	bool waits; /* for the disk */
	bool has_registered;
	bool session_is_good; /* the cloud has just answered over it */
};

/** struct aliyun_pull - asking for the commands that wait in the cloud */
struct aliyun_pull {
	int64_t timer; /* until the next one; 0 for none */
	bool online;
	bool is_asked; /* and not answered yet */
	bool has_begun; /* in a login before */
	bool is_refused; /* which has been told */
};

/** The largest CoAP message that Aliyun takes, bytes. */
#define ALIYUN_MESSAGE_MAX 1024

/** struct aliyun - a link */
struct aliyun {
	const struct skybus_host *host;
	struct skybus_link *link;
	struct aliyun_settings settings;
	struct aliyun_learned learned;
	struct aliyun_pass pass;
	struct aliyun_progress login;
	struct aliyun_pull pull;
};

/** struct aliyun_upload - a request that carries the token */
struct aliyun_upload {
	const char *path;
	const void *payload; /* in the clear */
	size_t len; /* bytes */
	uint32_t format;
};

/** struct aliyun_answer - what the cloud answered, in the clear */
struct aliyun_answer {
	uint32_t format;
	const uint8_t *data; /* lent with the reply, or @clear */
	size_t len; /* bytes */
	uint8_t *clear; /* the caller's to free(); may be NULL */
};

/* aliyun-secret.c */
struct aliyun_secret aliyun_secret(const struct aliyun *aliyun);
const char *aliyun_secret_setting(const struct aliyun *aliyun);
void aliyun_secret_restore(struct aliyun *aliyun);
int aliyun_secret_save(struct aliyun *aliyun, skybus_stored_fn *done);
void aliyun_secret_forget(struct aliyun *aliyun);

/* aliyun-pass.c */
bool aliyun_pass_is_there(const struct aliyun *aliyun);
int aliyun_pass_take(struct aliyun *aliyun, const struct aliyun_grant *grant);
void aliyun_pass_restore(struct aliyun *aliyun);
int aliyun_pass_save(struct aliyun *aliyun);
int aliyun_pass_reserve(struct aliyun *aliyun);
void aliyun_pass_forget(struct aliyun *aliyun);

/* aliyun.c */
void aliyun_login_on_reserved(struct aliyun *aliyun, int error);

/* aliyun-message.c */
int32_t aliyun_accept(void *state, const struct skybus_message *message,
		      struct skybus_verdict *why);
int aliyun_upload_check_size(const struct aliyun *aliyun, const char *topic, size_t len,
			     struct skybus_verdict *why);
int32_t aliyun_upload_encode(struct aliyun *aliyun, const char *topic,
			     const struct aliyun_upload *upload, struct skybus_request *request,
			     struct skybus_verdict *verdict);
int aliyun_upload_fill(struct aliyun *aliyun, const struct aliyun_upload *upload,
		       struct skybus_request *request);
void aliyun_answer_open(const struct aliyun *aliyun, const struct skybus_reply *reply,
			struct aliyun_answer *ret);
int32_t aliyun_encode(void *state, const struct skybus_message *message,
		      struct skybus_request *request, struct skybus_verdict *verdict);
void aliyun_decide(void *state, const struct skybus_message *message,
		   const struct skybus_reply *reply, struct skybus_verdict *verdict);
int32_t aliyun_keepalive(void *state, struct skybus_request *request);

/* aliyun-batch.c */
uint32_t aliyun_gather(void *state, const struct skybus_message *messages, uint32_t n);
int32_t aliyun_encode_batch(void *state, const struct skybus_message *messages, uint32_t n,
			    struct skybus_request *request, struct skybus_verdict *verdict);

/* aliyun-pull.c */
uint32_t aliyun_pull_keepalive_s(const struct aliyun_settings *settings);
void aliyun_pull_begin(struct aliyun *aliyun);
void aliyun_pull_go_on(struct aliyun *aliyun);
void aliyun_pull_stop(struct aliyun *aliyun);

static inline void aliyun_free_cleanup(void *pointer)
{
	free(*(void **)pointer);
}

/** An owning local of what malloc() gave. */
#define ALIYUN_FREE __attribute__((cleanup(aliyun_free_cleanup)))
