/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings are asked for once each, and lent to the plugin until detach().
 */
#include <stdlib.h>
#include <string.h>

#include "host/host.h"

struct setting {
	TAILQ_ENTRY(setting) entry;
	char *key;
	struct sb_packet *packet; /* what the rest points into */
	int64_t number;
	const char *text;
	const uint8_t *secret;
	uint32_t secret_len;
};

static struct setting *setting_free(struct setting *setting)
{
	(void)sb_packet_free(setting->packet);
	free(setting->key);
	free(setting);

	return NULL;
}

static struct setting *ask(struct skybus_link *link, const char *key)
{
	struct setting *setting = calloc(1, sizeof(*setting));
	struct sb_unpacker in;
	bool there;

	if (!setting)
		return NULL;
	setting->key = strdup(key);
	if (!setting->key)
		return setting_free(setting);
	sb_pack_text(packet_begin(link, SB_ASK_SETTING), key);
	setting->packet = packet_ask(link, &in);
	setting->number = (int64_t)sb_unpack_u64(&in);
	setting->text = sb_unpack_text(&in);
	there = sb_unpack_u32(&in) != 0;
	setting->secret = sb_unpack_bytes(&in, &setting->secret_len);
	if (there && !setting->secret)
		setting->secret = (const uint8_t *)"";
	TAILQ_INSERT_TAIL(&link->settings, setting, entry);

	return setting;
}

static const struct setting *get(struct skybus_link *link, const char *key)
{
	struct setting *setting;

	TAILQ_FOREACH(setting, &link->settings, entry)
		if (strcmp(setting->key, key) == 0)
			return setting;

	return ask(link, key);
}

/** setting_text() - as in struct skybus_host */
const char *setting_text(struct skybus_link *link, const char *key)
{
	const struct setting *setting = get(link, key);

	return setting ? setting->text : NULL;
}

/** setting_integer() - as in struct skybus_host */
int64_t setting_integer(struct skybus_link *link, const char *key)
{
	const struct setting *setting = get(link, key);

	return setting ? setting->number : 0;
}

/** setting_secret() - as in struct skybus_host */
const uint8_t *setting_secret(struct skybus_link *link, const char *key, uint32_t *ret_len)
{
	const struct setting *setting = get(link, key);

	*ret_len = setting ? setting->secret_len : 0;

	return setting ? setting->secret : NULL;
}

/**
 * settings_wipe() - forget all of them
 * @link: the link; its plugin is detached
 */
void settings_wipe(struct skybus_link *link)
{
	struct setting *setting;

	while ((setting = TAILQ_FIRST(&link->settings))) {
		TAILQ_REMOVE(&link->settings, setting, entry);
		(void)setting_free(setting);
	}
}
