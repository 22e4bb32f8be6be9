/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fetch shares nothing with another, neither connection nor TLS session, since each has an interface
 * and roots of its own. A body may hold secrets, so its memory is wiped.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

#include "daemon/https-fetch.h"

#define TIMEOUT_MS 30000
#define BODY_MAX 65536
#define REASON_MAX 512

/* Debian's. Where there is none, libcurl knows where to look. */
#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"

/* What libcurl wants before the name of an interface, which could be a host's otherwise. */
#define INTERFACE "if!"

/* ---- the body -------------------------------------------------------------------------------- */

/* Not realloc(), which would leave a copy behind. */
static int body_grow(struct sb_fetch *fetch, size_t need)
{
	size_t room = 2 * fetch->room > need ? 2 * fetch->room : need;
	uint8_t *body = malloc(room);

	if (!body)
		return -ENOMEM;
	if (fetch->body) {
		memcpy(body, fetch->body, fetch->body_len);
		explicit_bzero(fetch->body, fetch->room);
		free(fetch->body);
	}
	fetch->body = body;
	fetch->room = room;

	return 0;
}

/* Another return value than the length ends the fetch with CURLE_WRITE_ERROR. */
static size_t fetch_on_body(char *data, size_t size, size_t n, void *userdata)
{
	struct sb_fetch *fetch = userdata;
	size_t len = size * n;

	if (len > fetch->body_max - fetch->body_len) {
		fetch->too_large = true;
		return 0;
	}
	if (fetch->body_len + len + 1 > fetch->room &&
	    body_grow(fetch, fetch->body_len + len + 1) < 0)
		return 0;
	memcpy(fetch->body + fetch->body_len, data, len);
	fetch->body_len += len;
	fetch->body[fetch->body_len] = '\0';

	return len;
}

/* ---- the beginning --------------------------------------------------------------------------- */

/* The same for all. */
static const struct {
	CURLoption option;
	long value;
} rules[] = {
	{ CURLOPT_NOSIGNAL, 1 },
	{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
	{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
	{ CURLOPT_FOLLOWLOCATION, 0 },
	{ CURLOPT_FRESH_CONNECT, 1 },
	{ CURLOPT_FORBID_REUSE, 1 },
	{ CURLOPT_SSL_SESSIONID_CACHE, 0 },
	/* Where libcurl keeps the roots it has read it knows them by their path, which comes again. */
	{ CURLOPT_CA_CACHE_TIMEOUT, 0 },
	/* Else the end of a fetch waits for the thread that looks its name up. */
	{ CURLOPT_QUICK_EXIT, 1 },
};

static int error_of(CURLcode result)
{
	switch ((int)result) {
	case CURLE_OK:
		return 0;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_BAD_FUNCTION_ARGUMENT:
		return -EINVAL;
	default:
		return -ENOTSUP;
	}
}

/* libcurl is about to connect. It closes the socket by close() as well, see daemon/wire.c. */
static int fetch_on_socket(void *userdata, curl_socket_t fd, curlsocktype purpose)
{
	const struct sb_fetch *fetch = userdata;

	(void)purpose;
	if (fetch->wire && sb_wire_attach_stream(fetch->wire, fd) < 0)
		return CURL_SOCKOPT_ERROR;

	return CURL_SOCKOPT_OK;
}

static int set_rules(struct sb_fetch *fetch)
{
	const struct sb_curl *curl = fetch->curl;
	CURLcode result = CURLE_OK;

	for (size_t i = 0; result == CURLE_OK && i < SB_ELEMENTS(rules); i++)
		result = curl->easy_setopt(fetch->easy, rules[i].option, rules[i].value);
	if (result == CURLE_OK)
		result = curl->easy_setopt(fetch->easy, CURLOPT_WRITEFUNCTION, fetch_on_body);
	if (result == CURLE_OK)
		result = curl->easy_setopt(fetch->easy, CURLOPT_SOCKOPTFUNCTION, fetch_on_socket);
	if (result == CURLE_OK)
		result =
			curl->easy_setopt(fetch->easy, CURLOPT_TIMEOUT_MS, (long)fetch->timeout_ms);

	return error_of(result);
}

static int set_plan(struct sb_fetch *fetch, const struct skybus_fetch *plan)
{
	const struct {
		CURLoption option;
		const void *value; /* NULL is each one's default */
	} wishes[] = {
		{ CURLOPT_URL, plan->url },
		{ CURLOPT_PROTOCOLS_STR, "https" },
		{ CURLOPT_USERAGENT, "skybusd/" SKYBUS_VERSION },
		{ CURLOPT_RANGE, plan->range },
		{ CURLOPT_INTERFACE, fetch->interface },
		{ CURLOPT_HTTPHEADER, fetch->headers },
		{ CURLOPT_WRITEDATA, fetch },
		{ CURLOPT_SOCKOPTDATA, fetch },
		{ CURLOPT_PRIVATE, fetch },
		{ CURLOPT_ERRORBUFFER, fetch->detail },
	};
	CURLcode result = CURLE_OK;

	for (size_t i = 0; result == CURLE_OK && i < SB_ELEMENTS(wishes); i++)
		result = fetch->curl->easy_setopt(fetch->easy, wishes[i].option, wishes[i].value);

	return error_of(result);
}

static int trust_file(struct sb_fetch *fetch, const char *path)
{
	CURLcode result = fetch->curl->easy_setopt(fetch->easy, CURLOPT_CAINFO, path);

	/* Else libcurl reads its own choice of the system's roots too. */
	if (result == CURLE_OK)
		result = fetch->curl->easy_setopt(fetch->easy, CURLOPT_CAPATH, NULL);

	return error_of(result);
}

/* libcurl takes roots out of memory (CURLOPT_CAINFO_BLOB) only with other TLS libraries than ours. */
static int trust_given(struct sb_fetch *fetch, const uint8_t *trust, size_t len)
{
	char path[32];

	fetch->roots = memfd_create("skybus-roots", MFD_CLOEXEC);
	if (fetch->roots < 0)
		return -errno;
	while (len > 0) {
		ssize_t n = write(fetch->roots, trust, len);

		if (n < 0)
			return -errno;
		trust += n;
		len -= (size_t)n;
	}
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fetch->roots);

	return trust_file(fetch, path);
}

/* By itself libcurl would read the directory, where Debian has each root three times. */
static int trust_system(struct sb_fetch *fetch)
{
	return access(SYSTEM_ROOTS, R_OK) == 0 ? trust_file(fetch, SYSTEM_ROOTS) : 0;
}

static int set_accept(struct sb_fetch *fetch, const char *accept)
{
	SB_CLEANUP(sb_free) char *line = NULL;

	if (asprintf(&line, "Accept: %s", accept) < 0) {
		line = NULL;
		return -ENOMEM;
	}
	fetch->headers = fetch->curl->slist_append(NULL, line);

	return fetch->headers ? 0 : -ENOMEM;
}

/* -EINVAL for what is no https URL with a host. */
static int read_where(const struct sb_curl *curl, const char *url, char **ret)
{
	CURLU *parts = curl->url();
	char *host = NULL;
	char *port = NULL;
	int r = -EINVAL;

	if (!parts)
		return -ENOMEM;

	if (strncasecmp(url, "https://", strlen("https://")) == 0 &&
	    curl->url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl->url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl->url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
		r = asprintf(ret, "%s:%s", host, port) < 0 ? -ENOMEM : 0;
	curl->free(host);
	curl->free(port);
	curl->url_cleanup(parts);

	return r;
}

/**
 * sb_fetch_new() - tell libcurl all about a fetch that does not run yet
 * @curl: loaded; outlives the fetch
 * @plan: what; copied
 * @way: how it leaves the box; NULL for as the routes say
 * @ret: the fetch, the caller's, who fills in the rest
 *
 * Return: 0; -EINVAL for a URL that is none, or not https; another negative errno.
 */
int sb_fetch_new(const struct sb_curl *curl, const struct skybus_fetch *plan,
		 const struct sb_fetch_way *way, struct sb_fetch **ret)
{
	SB_CLEANUP(sb_fetch_free) struct sb_fetch *fetch = calloc(1, sizeof(*fetch));
	int r;

	if (!fetch)
		return -ENOMEM;
	fetch->curl = curl;
	fetch->roots = -1;
	fetch->timeout_ms = plan->timeout_ms ? plan->timeout_ms : TIMEOUT_MS;
	fetch->body_max = plan->max_len ? plan->max_len : BODY_MAX;
	r = plan->url ? read_where(curl, plan->url, &fetch->where) : -EINVAL;
	if (r < 0) {
		fetch->where = NULL;
		return r;
	}
	fetch->wire = way && way->wire ? sb_wire_ref(way->wire) : NULL;
	if (way && way->interface &&
	    asprintf(&fetch->interface, INTERFACE "%s", way->interface) < 0) {
		fetch->interface = NULL;
		return -ENOMEM;
	}
	fetch->easy = curl->easy_init();
	if (!fetch->easy)
		return -ENOMEM;
	r = plan->accept ? set_accept(fetch, plan->accept) : 0;
	if (r >= 0)
		r = set_rules(fetch);
	if (r >= 0)
		r = set_plan(fetch, plan);
	if (r >= 0)
		r = plan->trust ? trust_given(fetch, plan->trust, plan->trust_len)
				: trust_system(fetch);
	if (r < 0)
		return r;

	*ret = SB_STEAL(fetch);

	return 0;
}

/**
 * sb_fetch_free() - free a fetch and wipe its body
 * @fetch: may be NULL or half-built; libcurl does not run it any more
 *
 * Return: NULL.
 */
struct sb_fetch *sb_fetch_free(struct sb_fetch *fetch)
{
	if (!fetch)
		return NULL;

	fetch->curl->easy_cleanup(fetch->easy);
	fetch->curl->slist_free_all(fetch->headers);
	if (fetch->roots >= 0)
		(void)close(fetch->roots);
	if (fetch->body)
		explicit_bzero(fetch->body, fetch->room);
	free(fetch->body);
	free(fetch->where);
	free(fetch->interface);
	(void)sb_wire_unref(fetch->wire);
	free(fetch);

	return NULL;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* What is wrong with the server's certificate; GnuTLS says nothing when it is the name alone. */
static void explain_certificate(const struct sb_fetch *fetch, char *reason, size_t size)
{
	long status = 0;

	(void)fetch->curl->easy_getinfo(fetch->easy, CURLINFO_SSL_VERIFYRESULT, &status);
	if (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED))
		(void)snprintf(reason, size,
			       "the certificate of %s is not valid at this time: check the box's "
			       "clock, or tell whoever runs the server",
			       fetch->where);
	else if (status != 0)
		(void)snprintf(reason, size,
			       "the certificate of %s is not trusted: check the host, or have the "
			       "root that signed it among those that are trusted",
			       fetch->where);
	else
		(void)snprintf(reason, size,
			       "the certificate of %s is for another name: check the host",
			       fetch->where);
}

static void explain_write(const struct sb_fetch *fetch, char *reason, size_t size)
{
	if (fetch->too_large)
		(void)snprintf(reason, size,
			       "the answer of %s is too large: at most %zu bytes are taken",
			       fetch->where, fetch->body_max);
	else
		(void)snprintf(reason, size, "no memory for the answer of %s", fetch->where);
}

static void explain_connect(const struct sb_fetch *fetch, char *reason, size_t size)
{
	long error = 0;

	(void)fetch->curl->easy_getinfo(fetch->easy, CURLINFO_OS_ERRNO, &error);
	if (error == ECONNREFUSED)
		(void)snprintf(reason, size,
			       "nobody listens at %s: wrong port, or the service is down",
			       fetch->where);
	else
		(void)snprintf(reason, size, "no connection to %s (%s): is the network up?",
			       fetch->where, fetch->detail);
}

static void explain(const struct sb_fetch *fetch, CURLcode result, char *reason, size_t size)
{
	const char *detail = *fetch->detail ? fetch->detail : fetch->curl->easy_strerror(result);

	switch ((int)result) {
	case CURLE_COULDNT_RESOLVE_HOST:
		(void)snprintf(
			reason, size,
			"the name of %s does not resolve: check the host, and the box's name "
			"server",
			fetch->where);
		break;
	case CURLE_COULDNT_RESOLVE_PROXY:
		(void)snprintf(reason, size,
			       "the name of the proxy to %s does not resolve: check https_proxy in "
			       "the daemon's environment",
			       fetch->where);
		break;
	case CURLE_COULDNT_CONNECT:
		explain_connect(fetch, reason, size);
		break;
	case CURLE_INTERFACE_FAILED:
		(void)snprintf(
			reason, size,
			"%s cannot be reached through the interface %s: it does not exist, or "
			"is down",
			fetch->where, fetch->interface ? fetch->interface + strlen(INTERFACE) : "");
		break;
	case CURLE_OPERATION_TIMEDOUT:
		(void)snprintf(
			reason, size,
			"no answer from %s within %.1f s: wrong address, a blocked port, or no "
			"route",
			fetch->where, fetch->timeout_ms / 1000.0);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		explain_certificate(fetch, reason, size);
		break;
	case CURLE_SSL_CACERT_BADFILE:
		(void)snprintf(
			reason, size,
			"the roots to check the certificate of %s against cannot be read (%s)",
			fetch->where, detail);
		break;
	case CURLE_WRITE_ERROR:
		explain_write(fetch, reason, size);
		break;
	default:
		(void)snprintf(reason, size, "the fetch from %s failed: %s", fetch->where, detail);
	}
}

static const char *header_of(const struct sb_fetch *fetch, const char *name)
{
	struct curl_header *header = NULL;

	if (fetch->curl->easy_header(fetch->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return "";

	return header->value;
}

/**
 * sb_fetch_tell() - call the completion of a fetch that has ended
 * @fetch: its completion may ask and cancel as it likes, this one too
 * @result: libcurl's
 */
void sb_fetch_tell(struct sb_fetch *fetch, CURLcode result)
{
	sb_fetched_fn *done = SB_STEAL(fetch->done);
	struct skybus_fetched fetched = {
		.size = sizeof(fetched),
		.content_type = "",
		.content_range = "",
		.body = (const uint8_t *)"",
		.reason = "",
	};
	char reason[REASON_MAX];
	long status = 0;

	if (result == CURLE_OK) {
		(void)fetch->curl->easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
		fetched.status = (uint32_t)status;
		fetched.content_type = header_of(fetch, "Content-Type");
		fetched.content_range = header_of(fetch, "Content-Range");
		fetched.body = fetch->body ? fetch->body : fetched.body;
		fetched.body_len = (uint32_t)fetch->body_len;
	} else {
		explain(fetch, result, reason, sizeof(reason));
		fetched.reason = reason;
	}
	done(fetch->userdata, &fetched);
}
