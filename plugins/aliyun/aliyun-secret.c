/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's secret: out of the settings, or told by the cloud and kept on disk. The cloud tells it once,
 * so it is on disk before it is used, and asked for again only when a login with it was refused.
 *
 * On disk: a version byte, to which device it belongs, the secret.
 */
#include <gnutls/gnutls.h>
#include <string.h>

#include "plugins/aliyun/aliyun.h"

#define KEY "device_secret"
#define VERSION 1
#define HEAD_LEN (1 + ALIYUN_BINDING_LEN)

/**
 * aliyun_secret() - the device's secret
 * @aliyun: the link
 *
 * Return: lent until the next call of this file; empty when the cloud has to be asked.
 */
struct aliyun_secret aliyun_secret(const struct aliyun *aliyun)
{
	if (aliyun->settings.device_secret.len > 0)
		return aliyun->settings.device_secret;

	return (struct aliyun_secret){ .data = aliyun->learned.data, .len = aliyun->learned.len };
}

/**
 * aliyun_secret_setting() - which setting the device's secret comes from
 * @aliyun: the link
 *
 * Return: its key; that of the product's when the cloud has told the device's.
 */
const char *aliyun_secret_setting(const struct aliyun *aliyun)
{
	return aliyun->settings.device_secret.len > 0 ? "device_secret" : "product_secret";
}

/**
 * aliyun_secret_restore() - read what an earlier run was told, if this one needs it
 * @aliyun: the link
 */
void aliyun_secret_restore(struct aliyun *aliyun)
{
	uint8_t binding[ALIYUN_BINDING_LEN];
	const uint8_t *value;
	uint32_t len = 0;

	if (aliyun->settings.device_secret.len > 0 ||
	    aliyun_settings_bind_device(&aliyun->settings, binding) < 0)
		return;
	value = aliyun->host->store_get(aliyun->link, KEY, &len);
	if (!value || len <= HEAD_LEN || len > HEAD_LEN + ALIYUN_SECRET_MAX ||
	    value[0] != VERSION || memcmp(value + 1, binding, sizeof(binding)) != 0)
		return;
	aliyun->learned.len = len - HEAD_LEN;
	memcpy(aliyun->learned.data, value + HEAD_LEN, aliyun->learned.len);
	aliyun->learned.on_disk = true;
}

/**
 * aliyun_secret_save() - put the secret that the cloud told on disk
 * @aliyun: the link
 * @done: called when it is there, or could not be written
 *
 * Return: 0; or what store_put() says, -EIO.
 */
int aliyun_secret_save(struct aliyun *aliyun, skybus_stored_fn *done)
{
	uint8_t value[HEAD_LEN + ALIYUN_SECRET_MAX] = { VERSION };
	int r = aliyun_settings_bind_device(&aliyun->settings, value + 1);

	if (r < 0)
		return r;
	memcpy(value + HEAD_LEN, aliyun->learned.data, aliyun->learned.len);
	r = aliyun->host->store_put(aliyun->link, KEY, value, HEAD_LEN + aliyun->learned.len, done,
				    NULL);
	gnutls_memset(value, 0, sizeof(value));

	return r;
}

/**
 * aliyun_secret_forget() - the cloud does not take the secret any more that it told
 * @aliyun: the link
 */
void aliyun_secret_forget(struct aliyun *aliyun)
{
	gnutls_memset(&aliyun->learned, 0, sizeof(aliyun->learned));
	(void)aliyun->host->store_remove(aliyun->link, KEY, NULL, NULL);
}
