/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DTLS client that only says hello. GnuTLS makes and reads what is said; the datagrams go through our hands, so
 * that it is seen what comes, and an answer can be kept back for a while.
 */
#include <errno.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/cleanup.h"
#include "ctl/probe.h"

#define DATAGRAM_MAX 2048
#define TRY_MS 2000
#define TRIES 3
#define TOTAL_MS (3600 * 1000)

/* RFC 6347 section 4.3.1 and RFC 5246 section 7.4: a record begins with its kind; a message behind 13 bytes. */
#define RECORD_ALERT 21
#define RECORD_HANDSHAKE 22
#define MESSAGE_AT 13
#define HELLO_VERIFY_REQUEST 3

/* RFC 7685 */
#define EXTENSION_PADDING 21
#define EXTENSION_HEADER 4

/* As the daemon offers it: a server that has one kind of credentials need not have the other. */
#define VERSIONS "NORMAL:-VERS-ALL:+VERS-DTLS1.2:+AES-128-CCM-8"
#define OF_KEYS VERSIONS ":-KX-ALL:+ECDHE-PSK:+PSK"
#define OF_CERTIFICATES VERSIONS

struct ctl_hello {
	int fd;
	gnutls_session_t tls;
	gnutls_psk_client_credentials_t psk;
	gnutls_certificate_credentials_t certificates;
	size_t padding; /* bytes of it in the first message */
	uint8_t first[DATAGRAM_MAX]; /* the datagram that was sent first */
	size_t first_len;
	uint8_t datagram[DATAGRAM_MAX]; /* what came and was not read yet */
	size_t len;
	int send_error; /* negative */
	struct ctl_shown shown;
};

CTL_DEFINE_CLEANUP(struct ctl_hello *, ctl_hello_free)

/* ---- for GnuTLS ---- */

static ssize_t on_push(gnutls_transport_ptr_t pointer, const void *data, size_t len)
{
	struct ctl_hello *hello = pointer;
	ssize_t sent = send(hello->fd, data, len, MSG_NOSIGNAL);

	if (hello->first_len == 0 && len <= sizeof(hello->first)) {
		memcpy(hello->first, data, len);
		hello->first_len = len;
	}
	if (sent < 0 && hello->send_error == 0)
		hello->send_error = -errno;

	/* What the network refuses is told by us, and is lost for GnuTLS. */
	return (ssize_t)len;
}

static ssize_t on_pull(gnutls_transport_ptr_t pointer, void *data, size_t size)
{
	struct ctl_hello *hello = pointer;
	size_t len = hello->len < size ? hello->len : size;

	if (len == 0) {
		gnutls_transport_set_errno(hello->tls, EAGAIN);
		return -1;
	}
	memcpy(data, hello->datagram, len);
	hello->len = 0;

	return (ssize_t)len;
}

static int on_pull_timeout(gnutls_transport_ptr_t pointer, unsigned int ms)
{
	const struct ctl_hello *hello = pointer;

	(void)ms;

	return hello->len > 0;
}

static int send_padding(gnutls_session_t tls, gnutls_buffer_t extension)
{
	const struct ctl_hello *hello = gnutls_session_get_ptr(tls);
	uint8_t zeros[DATAGRAM_MAX] = { 0 };

	if (hello->padding == 0)
		return 0;

	return gnutls_buffer_append_data(extension, zeros, hello->padding) < 0
		       ? GNUTLS_E_MEMORY_ERROR
		       : (int)hello->padding;
}

static int take_padding(gnutls_session_t tls, const unsigned char *data, size_t len)
{
	(void)tls;
	(void)data;
	(void)len;

	return 0;
}

static int register_padding(struct ctl_hello *hello)
{
	/* GnuTLS has this extension for itself, and does not use it unless told to. */
	return gnutls_session_ext_register(hello->tls, "padding", EXTENSION_PADDING, GNUTLS_EXT_TLS,
					   take_padding, send_padding, NULL, NULL, NULL,
					   GNUTLS_EXT_FLAG_CLIENT_HELLO |
						   GNUTLS_EXT_FLAG_OVERRIDE_INTERNAL);
}

/* ---- coming and going ---- */

static int set_credentials(struct ctl_hello *hello)
{
	static const gnutls_datum_t key = { (unsigned char *)"none", 4 };

	/* Nobody is to get as far as to look at it. */
	if (gnutls_psk_allocate_client_credentials(&hello->psk) < 0 ||
	    gnutls_certificate_allocate_credentials(&hello->certificates) < 0 ||
	    gnutls_psk_set_client_credentials(hello->psk, "nobody", &key, GNUTLS_PSK_KEY_RAW) < 0 ||
	    gnutls_credentials_set(hello->tls, GNUTLS_CRD_PSK, hello->psk) < 0 ||
	    gnutls_credentials_set(hello->tls, GNUTLS_CRD_CERTIFICATE, hello->certificates) < 0)
		return -ENOMEM;

	return 0;
}

static int set_up(struct ctl_hello *hello, const struct ctl_target *target)
{
	if (gnutls_init(&hello->tls, GNUTLS_CLIENT | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK) < 0)
		return -ENOMEM;
	gnutls_session_set_ptr(hello->tls, hello);
	if (gnutls_priority_set_direct(hello->tls, target->certificates ? OF_CERTIFICATES : OF_KEYS,
				       NULL) < 0 ||
	    set_credentials(hello) < 0)
		return -ENOMEM;
	if (target->name && gnutls_server_name_set(hello->tls, GNUTLS_NAME_DNS, target->name,
						   strlen(target->name)) < 0)
		return -ENOMEM;
	if (hello->padding > 0 && register_padding(hello) < 0)
		return -ENOTSUP;
	gnutls_transport_set_ptr(hello->tls, hello);
	gnutls_transport_set_push_function(hello->tls, on_push);
	gnutls_transport_set_pull_function(hello->tls, on_pull);
	gnutls_transport_set_pull_timeout_function(hello->tls, on_pull_timeout);
	gnutls_dtls_set_mtu(hello->tls, DATAGRAM_MAX - 100);
	/* It may be silent for long (doctor-nat.c), and is not to say anything twice by itself. */
	gnutls_dtls_set_timeouts(hello->tls, TOTAL_MS, TOTAL_MS);

	return 0;
}

static int hello_new(const struct ctl_target *target, size_t padding, struct ctl_hello **ret)
{
	CTL_CLEANUP(ctl_hello_free) struct ctl_hello *hello = calloc(1, sizeof(*hello));
	int r;

	if (!hello)
		return -ENOMEM;
	hello->fd = -1;
	hello->padding = padding;
	r = set_up(hello, target);
	if (r < 0)
		return r;
	*ret = hello;
	hello = NULL;

	return 0;
}

/* How large the first datagram is without padding: nothing is sent, for there is no socket. */
static int bare_size(const struct ctl_target *target, size_t *ret)
{
	CTL_CLEANUP(ctl_hello_free) struct ctl_hello *hello = NULL;
	int r = hello_new(target, 0, &hello);

	if (r < 0)
		return r;
	(void)gnutls_handshake(hello->tls);
	*ret = hello->first_len;

	return hello->first_len > 0 ? 0 : -EIO;
}

/**
 * ctl_hello_new() - prepare to say hello
 * @target: whom to
 * @datagram: how large the first datagram is to be, bytes; 0 for as small as it is
 * @ret: the hello, the caller's
 *
 * Return: 0, or a negative errno; -EINVAL when it cannot be as small.
 */
int ctl_hello_new(const struct ctl_target *target, size_t datagram, struct ctl_hello **ret)
{
	CTL_CLEANUP(ctl_hello_free) struct ctl_hello *hello = NULL;
	size_t bare = 0, padding = 0;
	int r = datagram > 0 ? bare_size(target, &bare) : 0;

	if (r < 0)
		return r;
	if (datagram > 0 && datagram < bare + EXTENSION_HEADER + 1)
		return -EINVAL;
	if (datagram > 0)
		padding = datagram - bare - EXTENSION_HEADER;
	r = hello_new(target, padding, &hello);
	if (r == 0)
		r = ctl_probe_open(target, &hello->fd);
	if (r < 0)
		return r;
	*ret = hello;
	hello = NULL;

	return 0;
}

/**
 * ctl_hello_free() - say no more
 * @hello: may be NULL
 *
 * Return: NULL.
 */
struct ctl_hello *ctl_hello_free(struct ctl_hello *hello)
{
	if (!hello)
		return NULL;
	if (hello->tls)
		gnutls_deinit(hello->tls);
	if (hello->psk)
		gnutls_psk_free_client_credentials(hello->psk);
	if (hello->certificates)
		gnutls_certificate_free_credentials(hello->certificates);
	if (hello->fd >= 0)
		(void)close(hello->fd);
	free(hello);

	return NULL;
}

/* ---- saying hello ---- */

static enum ctl_answer receive(struct ctl_hello *hello)
{
	return ctl_probe_receive(hello->fd, hello->datagram, sizeof(hello->datagram), TRY_MS,
				 &hello->len);
}

static bool is_cookie(const struct ctl_hello *hello)
{
	return hello->len > MESSAGE_AT && hello->datagram[0] == RECORD_HANDSHAKE &&
	       hello->datagram[MESSAGE_AT] == HELLO_VERIFY_REQUEST;
}

/**
 * ctl_hello_greet() - send the first message, and wait for whatever comes
 * @hello: nothing was sent
 * @tries: how often it is sent at most
 *
 * Return: what came of it; what came is kept for ctl_hello_go_on().
 */
enum ctl_answer ctl_hello_greet(struct ctl_hello *hello, unsigned int tries)
{
	enum ctl_answer answer = CTL_SILENCE;

	(void)gnutls_handshake(hello->tls);
	for (unsigned int i = 0; i < tries && answer == CTL_SILENCE; i++) {
		if (i > 0 && send(hello->fd, hello->first, hello->first_len, MSG_NOSIGNAL) < 0)
			return ctl_probe_of_errno(-errno);
		if (hello->send_error < 0)
			return ctl_probe_of_errno(hello->send_error);
		answer = receive(hello);
	}

	return answer;
}

/**
 * ctl_hello_go_on() - answer the cookie that the server has sent
 * @hello: ctl_hello_greet() has returned CTL_ANSWERED
 * @ret_known: on CTL_ANSWERED, whether the server takes the cookie: it is for the address and the port that it
 *	has seen before
 *
 * Return: what came of it; CTL_CANNOT if there was no cookie.
 */
enum ctl_answer ctl_hello_go_on(struct ctl_hello *hello, bool *ret_known)
{
	enum ctl_answer answer;

	if (!is_cookie(hello))
		return CTL_CANNOT;
	hello->padding = 0;
	(void)gnutls_handshake(hello->tls);
	/* Once: a server that likes nothing of what is offered forgets us, and takes the next for the first. */
	answer = receive(hello);
	if (answer == CTL_ANSWERED)
		*ret_known = !is_cookie(hello);

	return answer;
}

/* ---- certificates ---- */

static int on_certificate(gnutls_session_t tls)
{
	struct ctl_hello *hello = gnutls_session_get_ptr(tls);
	unsigned int n = 0;
	const gnutls_datum_t *sent = gnutls_certificate_get_peers(tls, &n);
	gnutls_x509_crt_t crt;

	if (!sent || n == 0 || gnutls_x509_crt_init(&crt) < 0)
		return 0;
	if (gnutls_x509_crt_import(crt, &sent[0], GNUTLS_X509_FMT_DER) >= 0)
		hello->shown = (struct ctl_shown){
			.any = true,
			.from = gnutls_x509_crt_get_activation_time(crt),
			.until = gnutls_x509_crt_get_expiration_time(crt),
		};
	gnutls_x509_crt_deinit(crt);

	return 0;
}

/**
 * ctl_hello_certificate() - look at the certificate of a server, without trusting it for anything
 * @target: which
 * @ret: on CTL_ANSWERED, what it has shown
 *
 * A handshake with which nothing is done; no cloud takes that for a login.
 *
 * Return: what came of it.
 */
enum ctl_answer ctl_hello_certificate(const struct ctl_target *target, struct ctl_shown *ret)
{
	CTL_CLEANUP(ctl_hello_free) struct ctl_hello *hello = NULL;
	unsigned int silences = 0;
	enum ctl_answer answer;
	int r = ctl_hello_new(target, 0, &hello);

	if (r < 0)
		return ctl_probe_of_errno(r);
	gnutls_dtls_set_timeouts(hello->tls, TRY_MS, TOTAL_MS);
	gnutls_session_set_verify_function(hello->tls, on_certificate);
	while ((r = gnutls_handshake(hello->tls)) < 0 && !gnutls_error_is_fatal(r)) {
		answer = receive(hello);
		if (answer == CTL_SILENCE && ++silences < TRIES)
			continue;
		if (answer != CTL_ANSWERED)
			return answer;
	}
	if (r == 0)
		(void)gnutls_bye(hello->tls, GNUTLS_SHUT_WR);
	*ret = hello->shown;

	return CTL_ANSWERED;
}
