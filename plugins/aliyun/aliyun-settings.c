/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "plugins/aliyun/aliyun-crypto.h"
#include "plugins/aliyun/aliyun-settings.h"

#define DEFAULT_REGION "cn-shanghai"
#define DEFAULT_SEQ 10
#define DEFAULT_PULL_S 60
#define PORT_SYMMETRIC 5682
#define PORT_DTLS 5684

/*
 * Where a default depends on other settings, or a setting contradicts others, the row has no default, so
 * that it shows who has set it. Two defaults are about safety: in the mode dtls nobody else reads along or
 * plays the cloud, while in the other one the login goes in the clear and nothing tells a forged message;
 * and hmacsha1 is the stronger one of the two signs that the vendor documents for CoAP.
 */
const struct skybus_setting aliyun_settings_table[ALIYUN_SETTINGS_LEN] = {
	{ .key = "mode",
	  .kind = SKYBUS_CHOICE,
	  .fallback = "dtls",
	  .choices = "dtls|symmetric",
	  .help = "dtls, or symmetric: without DTLS, and AES in the payload" },
	{ .key = "product_key",
	  .kind = SKYBUS_TEXT,
	  .flags = SKYBUS_REQUIRED,
	  .min = 1,
	  .max = 32,
	  .help = "the ProductKey of the device, from the Aliyun console" },
	{ .key = "device_name",
	  .kind = SKYBUS_TEXT,
	  .flags = SKYBUS_REQUIRED,
	  .min = 1,
	  .max = 32,
	  .help = "the DeviceName of the device, from the Aliyun console" },
	{ .key = "device_secret",
	  .kind = SKYBUS_SECRET,
	  .min = 1,
	  .max = ALIYUN_SECRET_MAX,
	  .help = "the DeviceSecret of the device, from the Aliyun console" },
	{ .key = "product_secret",
	  .kind = SKYBUS_SECRET,
	  .min = 1,
	  .max = ALIYUN_SECRET_MAX,
	  .help = "the ProductSecret, with which the cloud is asked for the DeviceSecret once; "
		  "instead of device_secret" },
	{ .key = "client_id",
	  .kind = SKYBUS_TEXT,
	  .min = 1,
	  .max = ALIYUN_CLIENT_ID_MAX,
	  .help = "clientId in the login, for example the box's serial number; "
		  "PRODUCT_KEY&DEVICE_NAME unless set" },
	{ .key = "region",
	  .kind = SKYBUS_TEXT,
	  .min = 1,
	  .max = 63,
	  .help = "the region in the cloud's name; " DEFAULT_REGION " unless set" },
	{ .key = "host",
	  .kind = SKYBUS_HOST,
	  .help = "name or address of the cloud; PRODUCT_KEY.coap.REGION.link.aliyuncs.com unless "
		  "set" },
	{ .key = "port",
	  .kind = SKYBUS_PORT,
	  .help = "its UDP port; 5684 with dtls and 5682 with symmetric unless set" },
	{ .key = "security",
	  .kind = SKYBUS_CHOICE,
	  .choices = "certificate|psk",
	  .help = "with dtls: the cloud shows a certificate, or both know the DeviceSecret; "
		  "certificate unless set" },
	{ .key = "root_ca",
	  .kind = SKYBUS_FILE,
	  .help = "with certificate: roots in PEM that are trusted beside the system's" },
	{ .key = "server_name",
	  .kind = SKYBUS_HOST,
	  .help = "with certificate: the name that it must hold; the host unless set" },
	{ .key = "sign_method",
	  .kind = SKYBUS_CHOICE,
	  .fallback = "hmacsha1",
	  .choices = "hmacmd5|hmacsha1|hmacsha256",
	  .help = "how the login is signed; the vendor documents hmacmd5 and hmacsha1" },
	{ .key = "ack_mode",
	  .kind = SKYBUS_CHOICE,
	  .fallback = "0",
	  .choices = "0|1",
	  .help = "0: the cloud acknowledges with its answer; 1: at once, and answers later" },
	{ .key = "encoding",
	  .kind = SKYBUS_CHOICE,
	  .fallback = "json",
	  .choices = "json|cbor",
	  .help = "how the login, and what the cloud answers, is encoded" },
	{ .key = "seq",
	  .kind = SKYBUS_INTEGER,
	  .min = 1,
	  .max = INT32_MAX,
	  .help = "with symmetric: seq in the login; 10 unless set" },
	{ .key = "timestamp",
	  .kind = SKYBUS_INTEGER,
	  .min = 1,
	  .max = INT64_C(9999999999999),
	  .help = "timestamp in the login, in milliseconds since 1970; Aliyun does not check it, "
		  "and it is left out unless set" },
	{ .key = "keepalive",
	  .kind = SKYBUS_DURATION,
	  .fallback = "9m",
	  .min = 0,
	  .max = 86400,
	  .help = "send a small message after so much silence, as a device is online for ten "
		  "minutes after each; 0 for never. With pull at most twice pull_interval" },
	{ .key = "pull",
	  .kind = SKYBUS_BOOLEAN,
	  .fallback = "no",
	  .help = "ask the cloud for waiting commands; not every region knows how" },
	{ .key = "pull_interval",
	  .kind = SKYBUS_DURATION,
	  .min = 5,
	  .max = 86400,
	  .help = "with pull: how often; 1m unless set" },
	{ .key = "envelope",
	  .kind = SKYBUS_CHOICE,
	  .fallback = "none",
	  .choices = "none|property",
	  .help = "property: payloads like {\"temp\":21.5} go up as the property report of Aliyun's "
		  "device model" },
	{ .key = "batch",
	  .kind = SKYBUS_DURATION,
	  .fallback = "0",
	  .min = 0,
	  .max = 86400,
	  .help = "with envelope: a message that is not urgent may wait so long for others, and all go in "
		  "one request; 0 sends each at once" },
	{ .key = "max_payload",
	  .kind = SKYBUS_SIZE,
	  .fallback = "1024",
	  .min = 16,
	  .max = 1024,
	  .help = "the largest payload as it goes out, with envelope and padding; Aliyun takes 1 KB, "
		  "options included" },
};

/* What is being read, and where complaints go. */
struct reader {
	const struct skybus_host *host;
	struct skybus_link *link;
	struct skybus_verdict *why;
};

__attribute__((format(printf, 2, 3))) static int complain(const struct reader *reader,
							  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(reader->why->reason, sizeof(reader->why->reason), format, args);
	va_end(args);

	return -EINVAL;
}

static const char *get_text(const struct reader *reader, const char *key)
{
	return reader->host->setting_text(reader->link, key);
}

static int64_t get_integer(const struct reader *reader, const char *key)
{
	return reader->host->setting_integer(reader->link, key);
}

static struct aliyun_secret get_secret(const struct reader *reader, const char *key)
{
	struct aliyun_secret secret = { 0 };

	secret.data = reader->host->setting_secret(reader->link, key, &secret.len);
	if (!secret.data)
		secret.len = 0;

	return secret;
}

static bool is_choice(const struct reader *reader, const char *key, const char *choice)
{
	const char *value = get_text(reader, key);

	return value && strcmp(value, choice) == 0;
}

/* ---- who the device is ---- */

static int read_names(const struct reader *reader, struct aliyun_settings *settings)
{
	static const char alphanumeric[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					   "0123456789";
	const char *client_id = get_text(reader, "client_id");
	int len;

	settings->product_key = get_text(reader, "product_key");
	settings->device_name = get_text(reader, "device_name");
	if (settings->product_key[strspn(settings->product_key, alphanumeric)])
		return complain(reader, "product_key holds more than letters and digits: write it "
					"as the Aliyun console shows it");
	for (const char *c = settings->device_name; *c; c++) {
		if (*c <= ' ' || *c > '~' || *c == '/')
			return complain(reader, "device_name holds a character that Aliyun does "
						"not take: write letters, digits and any of -_@.:");
	}
	if (client_id)
		len = snprintf(settings->client_id, sizeof(settings->client_id), "%s", client_id);
	else
		len = snprintf(settings->client_id, sizeof(settings->client_id), "%s&%s",
			       settings->product_key, settings->device_name);
	if (len < 0 || len > ALIYUN_CLIENT_ID_MAX)
		return complain(reader,
				"product_key and device_name are too long to make a client_id of: "
				"set client_id, at most %d bytes",
				ALIYUN_CLIENT_ID_MAX);
	(void)snprintf(settings->device, sizeof(settings->device), "%s/%s", settings->product_key,
		       settings->device_name);

	return 0;
}

static int read_secrets(const struct reader *reader, struct aliyun_settings *settings)
{
	settings->device_secret = get_secret(reader, "device_secret");
	settings->product_secret = get_secret(reader, "product_secret");
	if (settings->device_secret.len > 0 && settings->product_secret.len > 0)
		return complain(reader, "device_secret and product_secret are both set: the cloud "
					"is asked for the DeviceSecret only without device_secret");
	if (settings->device_secret.len == 0 && settings->product_secret.len == 0)
		return complain(reader, "there is no secret: set device_secret, or product_secret "
					"to have the cloud tell the DeviceSecret");

	return 0;
}

/* ---- where the cloud is, and how it is spoken to ---- */

static int read_address(const struct reader *reader, struct aliyun_settings *settings)
{
	static const char label[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	const char *host = get_text(reader, "host");
	const char *region = get_text(reader, "region");
	int64_t port = get_integer(reader, "port");
	int len;

	settings->port = port ? (uint32_t)port : settings->dtls ? PORT_DTLS : PORT_SYMMETRIC;
	if (host && region)
		return complain(reader, "host and region are both set: the region is a part of the "
					"host that is made up without host");
	if (region && region[strspn(region, label)])
		return complain(reader, "region is no part of a host name: write it like "
					"\"" DEFAULT_REGION "\"");
	if (host)
		len = snprintf(settings->host, sizeof(settings->host), "%s", host);
	else
		len = snprintf(settings->host, sizeof(settings->host),
			       "%s.coap.%s.link.aliyuncs.com", settings->product_key,
			       region ? region : DEFAULT_REGION);
	if (len < 0 || (size_t)len >= sizeof(settings->host))
		return complain(reader, "the host's name is too long");

	return 0;
}

static int check_symmetric(const struct reader *reader, const struct aliyun_settings *settings)
{
	const char *extra = NULL;

	if (get_text(reader, "security"))
		extra = "security";
	else if (settings->root_ca.data)
		extra = "root_ca";
	else if (settings->server_name)
		extra = "server_name";
	if (extra)
		return complain(reader,
				"%s is for DTLS, and the mode is symmetric: leave it out, or set "
				"mode to dtls",
				extra);

	return 0;
}

static int check_dtls(const struct reader *reader, const struct aliyun_settings *settings)
{
	if (get_integer(reader, "seq"))
		return complain(reader, "seq is for the mode symmetric: leave it out");
	if (!settings->psk)
		return 0;
	if (settings->root_ca.data || settings->server_name)
		return complain(reader,
				"%s is for certificates, and security is psk: leave it out, or set "
				"security to certificate",
				settings->root_ca.data ? "root_ca" : "server_name");
	if (settings->product_secret.len > 0)
		return complain(reader, "psk needs the DeviceSecret before the cloud can be asked "
					"for it: set security to certificate");

	return 0;
}

static int read_security(const struct reader *reader, struct aliyun_settings *settings)
{
	settings->dtls = is_choice(reader, "mode", "dtls");
	settings->psk = is_choice(reader, "security", "psk");
	settings->root_ca = get_secret(reader, "root_ca");
	settings->server_name = get_text(reader, "server_name");

	return settings->dtls ? check_dtls(reader, settings) : check_symmetric(reader, settings);
}

/* ---- the rest ---- */

static int read_habits(const struct reader *reader, struct aliyun_settings *settings)
{
	int64_t pull_s = get_integer(reader, "pull_interval");
	int64_t seq = get_integer(reader, "seq");

	settings->sign_method = get_text(reader, "sign_method");
	settings->ack_later = is_choice(reader, "ack_mode", "1");
	settings->format =
		is_choice(reader, "encoding", "cbor") ? SKYBUS_FORMAT_CBOR : SKYBUS_FORMAT_JSON;
	settings->seq = seq ? seq : DEFAULT_SEQ;
	settings->timestamp = get_integer(reader, "timestamp");
	settings->keepalive_s = (uint32_t)get_integer(reader, "keepalive");
	settings->envelope = is_choice(reader, "envelope", "property");
	settings->batch_s = (uint32_t)get_integer(reader, "batch");
	settings->max_payload = (uint32_t)get_integer(reader, "max_payload");
	if (settings->batch_s > 0 && !settings->envelope)
		return complain(reader,
				"batch is set and envelope is not: Aliyun takes several points "
				"in a request as properties only, so set envelope to property, or "
				"leave batch out");
	if (get_integer(reader, "pull"))
		settings->pull_s = pull_s ? (uint32_t)pull_s : DEFAULT_PULL_S;
	else if (pull_s)
		return complain(reader, "pull_interval is set and pull is not: set pull to yes");

	return 0;
}

/**
 * aliyun_settings_read() - read the settings of a link
 * @host: the daemon's services
 * @link: the link
 * @ret: what they come to; garbage on failure
 * @why: what to write instead
 *
 * Return: 0, or -EINVAL.
 */
int aliyun_settings_read(const struct skybus_host *host, struct skybus_link *link,
			 struct aliyun_settings *ret, struct skybus_verdict *why)
{
	struct reader reader = { .host = host, .link = link, .why = why };
	int r;

	*ret = (struct aliyun_settings){ 0 };
	r = read_names(&reader, ret);
	if (r == 0)
		r = read_secrets(&reader, ret);
	if (r == 0)
		r = read_security(&reader, ret);
	if (r == 0)
		r = read_address(&reader, ret);

	return r == 0 ? read_habits(&reader, ret) : r;
}

/* With their zeros, so that nothing moves from one text into the next. */
static int bind_texts(const char *const *texts, size_t n_texts, const struct aliyun_secret *secret,
		      uint8_t ret_binding[ALIYUN_BINDING_LEN])
{
	gnutls_hash_hd_t hash;
	int r = 0;

	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return -EIO;
	for (size_t i = 0; r >= 0 && i < n_texts; i++)
		r = gnutls_hash(hash, texts[i], strlen(texts[i]) + 1);
	if (r >= 0 && secret)
		r = gnutls_hash(hash, secret->data, secret->len);
	aliyun_hash_end(hash, ret_binding);

	return r < 0 ? -EIO : 0;
}

/**
 * aliyun_settings_bind() - to what a token belongs
 * @settings: of the link
 * @secret: the device's
 * @ret_binding: another one for every other device, client, secret, host or mode
 *
 * Return: 0, or -EIO.
 */
int aliyun_settings_bind(const struct aliyun_settings *settings, const struct aliyun_secret *secret,
			 uint8_t ret_binding[ALIYUN_BINDING_LEN])
{
	const char *const texts[] = { settings->product_key, settings->device_name,
				      settings->client_id, settings->host,
				      settings->dtls ? "dtls" : "symmetric" };

	return bind_texts(texts, sizeof(texts) / sizeof(texts[0]), secret, ret_binding);
}

/**
 * aliyun_settings_bind_device() - to what a device's secret belongs
 * @settings: of the link
 * @ret_binding: another one for every other device
 *
 * Return: 0, or -EIO.
 */
int aliyun_settings_bind_device(const struct aliyun_settings *settings,
				uint8_t ret_binding[ALIYUN_BINDING_LEN])
{
	const char *const texts[] = { settings->product_key, settings->device_name };

	return bind_texts(texts, sizeof(texts) / sizeof(texts[0]), NULL, ret_binding);
}
