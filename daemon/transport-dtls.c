/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcoap's GnuTLS part keeps what it knows of certificates in the context, does not compare names, and
 * lets pass a bare public key. So the check of a certificate is ours, set in the place of libcoap's: a
 * GnuTLS session can be had, and through it its credentials. libcoap reads nothing before
 * coap_new_client_session_pki() has returned, so ours is there in time. Of what libcoap has in the context
 * only the name to ask for differs from session to session, and that is read within the same call.
 *
 * The system's roots are read for each check, about 7 ms, and given back: a session would have to keep
 * them as long as it lives, about a megabyte, and an update of them is noticed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/x509.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/transport-private.h"

#define CHAIN_MAX 16 /* as GnuTLS itself */
#define NAME_MAX_SHOWN 80

/* What GnuTLS asks of keys unless told otherwise. */
#define STRENGTH GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_LOW)

/** struct flaw - what can be wrong with a certificate; the first that applies is told */
struct flaw {
	unsigned int status;
	const char *words;
};

static const struct flaw flaws[] = {
	{ GNUTLS_CERT_REVOKED, "has been revoked" },
	{ GNUTLS_CERT_SIGNER_NOT_FOUND, "is signed by nobody we trust" },
	{ GNUTLS_CERT_SIGNER_NOT_CA, "is signed by one that may not sign" },
	{ GNUTLS_CERT_EXPIRED, "has expired" },
	{ GNUTLS_CERT_NOT_ACTIVATED, "is not valid yet, if this machine's clock is right" },
	{ GNUTLS_CERT_PURPOSE_MISMATCH, "is not for a server" },
	{ GNUTLS_CERT_INSECURE_ALGORITHM, "is signed in a way that is too weak" },
};

/** struct chain - certificates as the peer sent them, its own first */
struct chain {
	gnutls_x509_crt_t all[CHAIN_MAX];
	unsigned int n;
};

static void chain_done_cleanup(struct chain *chain)
{
	while (chain->n > 0)
		gnutls_x509_crt_deinit(chain->all[--chain->n]);
}

static void roots_free_cleanup(const gnutls_x509_trust_list_t *roots)
{
	if (*roots)
		gnutls_x509_trust_list_deinit(*roots, 1);
}

/* ---- the check ---- */

static bool chain_read(struct chain *chain, gnutls_session_t tls)
{
	unsigned int n = 0;
	const gnutls_datum_t *sent = gnutls_certificate_get_peers(tls, &n);

	if (gnutls_certificate_type_get2(tls, GNUTLS_CTYPE_SERVER) != GNUTLS_CRT_X509)
		return false;
	if (!sent || n == 0 || n > CHAIN_MAX)
		return false;
	for (; chain->n < n; chain->n++) {
		gnutls_x509_crt_t *crt = &chain->all[chain->n];

		if (gnutls_x509_crt_init(crt) < 0)
			return false;
		if (gnutls_x509_crt_import(*crt, &sent[chain->n], GNUTLS_X509_FMT_DER) < 0) {
			gnutls_x509_crt_deinit(*crt);
			return false;
		}
	}

	return true;
}

static int roots_read(gnutls_x509_trust_list_t *roots, const struct sb_dtls *dtls)
{
	const gnutls_datum_t trust = { dtls->trust, (unsigned int)dtls->trust_len };

	if (gnutls_x509_trust_list_init(roots, 0) < 0)
		return -ENOMEM;
	/* A machine may have none of its own. */
	(void)gnutls_x509_trust_list_add_system_trust(*roots, 0, 0);
	if (dtls->trust_len > 0 && gnutls_x509_trust_list_add_trust_mem(
					   *roots, &trust, NULL, GNUTLS_X509_FMT_PEM, 0, 0) <= 0)
		return -EINVAL;

	return 0;
}

/* A name out of the certificate, in letters that do no harm in a log. */
static void certified_name(gnutls_x509_crt_t crt, char *ret, size_t size)
{
	size_t len = size - 1;

	memset(ret, 0, size);
	if (gnutls_x509_crt_get_subject_alt_name(crt, 0, ret, &len, NULL) != GNUTLS_SAN_DNSNAME) {
		len = size - 1;
		memset(ret, 0, size);
		if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, ret,
						  &len) < 0)
			*ret = '\0';
	}
	ret[size - 1] = '\0';
	for (; *ret; ret++) {
		if (*ret < 0x20 || *ret > 0x7e)
			*ret = '?';
	}
}

static void explain(unsigned int status, gnutls_x509_crt_t crt, char *ret, size_t size)
{
	char name[NAME_MAX_SHOWN];

	for (size_t i = 0; i < SB_ELEMENTS(flaws); i++) {
		if (status & flaws[i].status) {
			(void)snprintf(ret, size, "%s", flaws[i].words);
			return;
		}
	}
	if (status & GNUTLS_CERT_UNEXPECTED_OWNER) {
		certified_name(crt, name, sizeof(name));
		(void)snprintf(ret, size, "is for another name: %s", *name ? name : "none");
	} else {
		(void)snprintf(ret, size, "is not to be trusted");
	}
}

/* RFC 6125: signed by somebody we trust, for this name, for a server. */
static int certificate_check(const struct sb_dtls *dtls, gnutls_session_t tls, char *ret_why,
			     size_t size)
{
	__attribute__((cleanup(chain_done_cleanup))) struct chain chain = { .n = 0 };
	__attribute__((cleanup(roots_free_cleanup))) gnutls_x509_trust_list_t roots = NULL;
	gnutls_typed_vdata_st wanted[] = {
		{ .type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)dtls->name },
		{ .type = GNUTLS_DT_KEY_PURPOSE_OID,
		  .data = (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER },
	};
	unsigned int status = 0;

	if (!chain_read(&chain, tls)) {
		(void)snprintf(ret_why, size, "cannot be read");
		return -EBADMSG;
	}
	if (roots_read(&roots, dtls) < 0) {
		(void)snprintf(ret_why, size,
			       "cannot be checked: the roots to trust hold no certificate in PEM");
		return -EBADMSG;
	}
	if (gnutls_x509_trust_list_verify_crt2(roots, chain.all, chain.n, wanted,
					       SB_ELEMENTS(wanted), STRENGTH, &status, NULL) < 0)
		status |= GNUTLS_CERT_INVALID;
	if (status == 0)
		return 0;
	explain(status, chain.all[0], ret_why, size);

	return -EBADMSG;
}

/* Not 0: GnuTLS ends the handshake, and libcoap the session. */
static int on_certificate(gnutls_session_t tls)
{
	struct sb_session *session = coap_session_get_app_data(gnutls_session_get_ptr(tls));
	char why[SB_DETAIL_MAX];
	int r;

	if (!session)
		return -1;
	r = certificate_check(&session->dtls, tls, why, sizeof(why));
	if (r < 0)
		sb_session_broke(session, r, why);

	return r;
}

/* ---- coming and going ---- */

/**
 * sb_dtls_gnutls() - what is below libcoap
 * @coap: libcoap's session
 *
 * Return: the GnuTLS session; NULL when there is none, or none any more.
 */
gnutls_session_t sb_dtls_gnutls(const coap_session_t *coap)
{
	coap_tls_library_t library;
	void *tls = coap_session_get_tls(coap, &library);

	return tls && library == COAP_TLS_LIBRARY_GNUTLS ? tls : NULL;
}

static coap_session_t *connect_with_key(const struct sb_dtls *dtls, coap_context_t *context,
					const coap_address_t *address, const struct sb_peer *peer)
{
	coap_dtls_cpsk_t psk = {
		.version = COAP_DTLS_CPSK_SETUP_VERSION,
		.client_sni = dtls->numeric ? NULL : dtls->name,
		.psk_info.identity = { peer->identity_len, peer->identity },
		.psk_info.key = { peer->key_len, peer->key },
	};

	return coap_new_client_session_psk2(context, NULL, address, COAP_PROTO_DTLS, &psk);
}

static bool check_certificates(coap_session_t *coap)
{
	gnutls_session_t tls = sb_dtls_gnutls(coap);
	void *credentials = NULL;

	if (!tls || gnutls_credentials_get(tls, GNUTLS_CRD_CERTIFICATE, &credentials) < 0)
		return false;
	gnutls_session_set_ptr(tls, coap);
	gnutls_certificate_set_verify_function(credentials, on_certificate);

	return true;
}

static coap_session_t *connect_with_certificate(const struct sb_dtls *dtls, coap_context_t *context,
						const coap_address_t *address)
{
	coap_dtls_pki_t pki = {
		.version = COAP_DTLS_PKI_SETUP_VERSION,
		.verify_peer_cert = 1,
		.client_sni = dtls->numeric ? NULL : dtls->name,
		.pki_key.key_type = COAP_PKI_KEY_PEM_BUF,
	};
	coap_session_t *coap =
		coap_new_client_session_pki(context, NULL, address, COAP_PROTO_DTLS, &pki);

	/* The name may be gone before the context is. */
	pki.client_sni = NULL;
	(void)coap_context_set_pki(context, &pki);
	if (coap && !check_certificates(coap)) {
		coap_session_release(coap);
		return NULL;
	}

	return coap;
}

/**
 * sb_dtls_init() - prepare
 * @dtls: embedded in the session, which sb_dtls_done()s it after libcoap's has gone
 * @peer: whom to talk to; copied
 *
 * Return: 0; -ENOMEM, -EINVAL when the address is none, and there is nothing to undo.
 */
int sb_dtls_init(struct sb_dtls *dtls, const struct sb_peer *peer)
{
	char numeric[NI_MAXHOST];
	struct in_addr unused;

	*dtls = (struct sb_dtls){ 0 };
	if (getnameinfo((const struct sockaddr *)&peer->address, peer->address_len, numeric,
			sizeof(numeric), NULL, 0, NI_NUMERICHOST) != 0)
		return -EINVAL;
	dtls->name = strdup(peer->host ? peer->host : numeric);
	dtls->trust = peer->trust_len > 0 ? malloc(peer->trust_len) : NULL;
	if (!dtls->name || (peer->trust_len > 0 && !dtls->trust)) {
		sb_dtls_done(dtls);
		return -ENOMEM;
	}
	/* IPv6 may have a zone behind it, which inet_pton() does not take; no name has a colon. */
	dtls->numeric = strchr(dtls->name, ':') || inet_pton(AF_INET, dtls->name, &unused) == 1;
	if (peer->trust_len > 0)
		memcpy(dtls->trust, peer->trust, peer->trust_len);
	dtls->trust_len = peer->trust_len;

	return 0;
}

/**
 * sb_dtls_done() - forget whom we expected
 * @dtls: may be all zero
 */
void sb_dtls_done(struct sb_dtls *dtls)
{
	free(dtls->name);
	free(dtls->trust);
	*dtls = (struct sb_dtls){ 0 };
}

/**
 * sb_dtls_wipe() - forget the key of a session, if it has one
 * @coap: libcoap's session, which is released next: libcoap frees its copy as it is
 */
void sb_dtls_wipe(const coap_session_t *coap)
{
	const coap_bin_const_t *key = coap_session_get_psk_key(coap);

	if (key)
		explicit_bzero((uint8_t *)(uintptr_t)key->s, key->length);
}

/**
 * sb_dtls_connect() - begin a handshake
 * @dtls: lent, longer than the session lives
 * @context: one that never sees both SKYBUS_CERTIFICATE and SKYBUS_PSK
 * @address: where to
 * @peer: the key, if it is one
 *
 * Return: libcoap's session, the caller's; NULL, and errno says why if the last call that failed was the
 * kernel's.
 */
coap_session_t *sb_dtls_connect(const struct sb_dtls *dtls, coap_context_t *context,
				const coap_address_t *address, const struct sb_peer *peer)
{
	return peer->security == SKYBUS_CERTIFICATE
		       ? connect_with_certificate(dtls, context, address)
		       : connect_with_key(dtls, context, address, peer);
}
