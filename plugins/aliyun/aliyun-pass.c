/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token and what belongs to it survive a restart together, as one value on disk: a version byte, to which
 * settings it belongs, the end of the sequence numbers that are reserved (8 bytes, the most significant
 * first), and token and random, each behind a byte with its length.
 *
 * A plugin has no clock. How old a token is can be told within one run only; one from an earlier run is
 * used until the cloud refuses it.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "plugins/aliyun/aliyun.h"

#define KEY "token"
#define VERSION 1
#define HEAD_LEN (1 + ALIYUN_BINDING_LEN + 8)
/* What is beyond was never counted up to: it is damage. */
#define SEQUENCE_MAX (UINT64_C(1) << 62)
#define VALUE_MAX (HEAD_LEN + 1 + ALIYUN_TOKEN_MAX + 1 + ALIYUN_RANDOM_MAX)

/* From here on a token is replaced: before the daemon itself ends the login, at nine tenths of its life. */
#define OLD_MS (6 * 86400 * 1000)

/* ---- its form on disk ---- */

static uint8_t *pack_text(uint8_t *at, const char *text)
{
	size_t len = strlen(text);

	*at++ = (uint8_t)len;
	memcpy(at, text, len);

	return at + len;
}

static const uint8_t *unpack_text(const uint8_t *at, const uint8_t *end, char *ret_text, size_t max)
{
	size_t len;

	if (!at || at == end)
		return NULL;
	len = *at++;
	if (len > max || len > (size_t)(end - at) || memchr(at, '\0', len))
		return NULL;
	memcpy(ret_text, at, len);
	ret_text[len] = '\0';

	return at + len;
}

static int pack(const struct aliyun *aliyun, uint64_t sequence_end, uint8_t ret_value[VALUE_MAX],
		uint32_t *ret_len)
{
	struct aliyun_secret secret = aliyun_secret(aliyun);
	uint8_t *at = ret_value;
	int r;

	*at++ = VERSION;
	r = aliyun_settings_bind(&aliyun->settings, &secret, at);
	if (r < 0)
		return r;
	at += ALIYUN_BINDING_LEN;
	for (int shift = 56; shift >= 0; shift -= 8)
		*at++ = (uint8_t)(sequence_end >> shift);
	at = pack_text(at, aliyun->pass.grant.token);
	at = pack_text(at, aliyun->pass.grant.random);
	*ret_len = (uint32_t)(at - ret_value);

	return 0;
}

static int unpack(const struct aliyun *aliyun, const uint8_t *value, uint32_t len,
		  struct aliyun_grant *ret_grant, uint64_t *ret_sequence_end)
{
	struct aliyun_secret secret = aliyun_secret(aliyun);
	uint8_t binding[ALIYUN_BINDING_LEN];
	const uint8_t *at = value + HEAD_LEN;
	const uint8_t *end = value + len;

	if (len < HEAD_LEN || value[0] != VERSION ||
	    aliyun_settings_bind(&aliyun->settings, &secret, binding) < 0 ||
	    memcmp(value + 1, binding, sizeof(binding)) != 0)
		return -EINVAL;
	*ret_sequence_end = 0;
	for (const uint8_t *byte = value + 1 + ALIYUN_BINDING_LEN; byte < at; byte++)
		*ret_sequence_end = *ret_sequence_end << 8 | *byte;
	at = unpack_text(at, end, ret_grant->token, ALIYUN_TOKEN_MAX);
	at = unpack_text(at, end, ret_grant->random, ALIYUN_RANDOM_MAX);

	if (at != end || !ret_grant->token[0] || *ret_sequence_end > SEQUENCE_MAX)
		return -EINVAL;

	return aliyun->settings.dtls || ret_grant->random[0] ? 0 : -EINVAL;
}

static int put(struct aliyun *aliyun, uint64_t sequence_end, skybus_stored_fn *done, void *tag)
{
	uint8_t value[VALUE_MAX];
	uint32_t len;
	int r = pack(aliyun, sequence_end, value, &len);

	if (r == 0)
		r = aliyun->host->store_put(aliyun->link, KEY, value, len, done, tag);
	gnutls_memset(value, 0, sizeof(value));

	return r;
}

/* ---- its life ---- */

static void on_old(void *state, void *tag)
{
	struct aliyun *aliyun = state;

	(void)tag;
	aliyun->pass.timer = 0;
	aliyun->pass.old = true;
}

static int begin(struct aliyun *aliyun, const struct aliyun_grant *grant, uint64_t first)
{
	struct aliyun_pass *pass = &aliyun->pass;
	struct aliyun_secret secret = aliyun_secret(aliyun);
	int64_t timer;

	if (!aliyun->settings.dtls && aliyun_session_key(&secret, grant->random, pass->key) < 0)
		return -EIO;
	if (pass->timer > 0)
		aliyun->host->timer_stop(aliyun->link, pass->timer);
	/* Without a timer the cloud is left to say that a token is over. */
	timer = aliyun->host->timer_start(aliyun->link, OLD_MS, on_old, NULL);
	pass->timer = timer > 0 ? timer : 0;
	pass->grant = *grant;
	pass->old = false;
	pass->untried = false;
	pass->serial++;
	aliyun_sequence_begin(&pass->sequence, first);

	return 0;
}

/**
 * aliyun_pass_is_there() - is there a token
 * @aliyun: the link
 *
 * Return: whether.
 */
bool aliyun_pass_is_there(const struct aliyun *aliyun)
{
	return aliyun->pass.grant.token[0];
}

/**
 * aliyun_pass_take() - begin with what the cloud gave
 * @aliyun: the link
 * @grant: copied
 *
 * Return: 0, or -EIO.
 */
int aliyun_pass_take(struct aliyun *aliyun, const struct aliyun_grant *grant)
{
	return begin(aliyun, grant, grant->offset + 1);
}

/**
 * aliyun_pass_restore() - begin with what an earlier run has left, if it belongs to these settings
 * @aliyun: the link
 */
void aliyun_pass_restore(struct aliyun *aliyun)
{
	struct aliyun_grant grant = { 0 };
	uint64_t sequence_end = 0;
	uint32_t len = 0;
	const uint8_t *value = aliyun->host->store_get(aliyun->link, KEY, &len);

	if (value && unpack(aliyun, value, len, &grant, &sequence_end) == 0 &&
	    begin(aliyun, &grant, sequence_end) == 0)
		aliyun->pass.untried = true;
	gnutls_memset(&grant, 0, sizeof(grant));
}

/**
 * aliyun_pass_save() - put a token that has no sequence on disk
 * @aliyun: the link, with dtls; nobody waits for it: without, there is one login more
 *
 * Return: 0; or what store_put() says, -EIO.
 */
int aliyun_pass_save(struct aliyun *aliyun)
{
	return put(aliyun, 0, NULL, NULL);
}

static void on_reserved(void *state, void *tag, int32_t error)
{
	struct aliyun *aliyun = state;

	/* It was for a token that we do not use any more. */
	if ((uintptr_t)tag != aliyun->pass.serial)
		return;
	aliyun_sequence_stored(&aliyun->pass.sequence, error == 0);
	aliyun_login_on_reserved(aliyun, error);
}

/**
 * aliyun_pass_reserve() - see to it that there will be sequence numbers
 * @aliyun: the link, symmetric, with a token
 *
 * Return: 0 when there are enough, or they are being written; or what store_put() says, -EIO.
 */
int aliyun_pass_reserve(struct aliyun *aliyun)
{
	struct aliyun_pass *pass = &aliyun->pass;
	uint64_t end = aliyun_sequence_ask(&pass->sequence);
	int r;

	if (end == 0)
		return 0;
	r = put(aliyun, end, on_reserved, (void *)(uintptr_t)pass->serial);
	if (r < 0)
		aliyun_sequence_stored(&pass->sequence, false);

	return r;
}

/**
 * aliyun_pass_forget() - the token is over
 * @aliyun: the link; only the key stays, for answers that are under way
 */
void aliyun_pass_forget(struct aliyun *aliyun)
{
	struct aliyun_pass *pass = &aliyun->pass;

	if (pass->timer > 0)
		aliyun->host->timer_stop(aliyun->link, pass->timer);
	pass->timer = 0;
	pass->old = false;
	pass->untried = false;
	pass->serial++;
	gnutls_memset(&pass->grant, 0, sizeof(pass->grant));
	aliyun_sequence_begin(&pass->sequence, 0);
	(void)aliyun->host->store_remove(aliyun->link, KEY, NULL, NULL);
}
