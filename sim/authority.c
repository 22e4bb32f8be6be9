/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/authority.h"
#include "sim/cleanup.h"

#define SERIAL_LEN 16
#define KEY_ID_MAX 64

struct sim_authority {
	gnutls_datum_t ca; /* PEM, ended by a zero, as are the others */
	gnutls_datum_t certificate;
	gnutls_datum_t certificate_key;
};

/** struct pair - a certificate while it is being made */
struct pair {
	gnutls_x509_crt_t certificate;
	gnutls_x509_privkey_t key;
};

static void pair_done(struct pair *pair)
{
	if (pair->certificate)
		gnutls_x509_crt_deinit(pair->certificate);
	if (pair->key)
		gnutls_x509_privkey_deinit(pair->key);
}

/* RFC 5280 section 4.1.2.2: positive, and no other certificate of the same name has it. */
static int set_serial(gnutls_x509_crt_t certificate)
{
	uint8_t serial[SERIAL_LEN];
	int error = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));

	serial[0] = (serial[0] & 0x7f) | 0x40;

	return error < 0 ? error : gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial));
}

/* For ever; where times have 32 bits, GnuTLS's value for that is one of the past. */
static time_t end_of_time(void)
{
	const time_t never = GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION;

	return never > 0 ? never : INT32_MAX;
}

/* Valid for ever: nothing outlives the simulator, and boxes in tests have whatever time. */
static int fill(struct pair *pair, const char *name)
{
	int error = gnutls_x509_crt_set_version(pair->certificate, 3);

	if (error == 0)
		error = gnutls_x509_crt_set_key(pair->certificate, pair->key);
	if (error == 0)
		error = set_serial(pair->certificate);
	if (error == 0)
		error = gnutls_x509_crt_set_activation_time(pair->certificate, 0);
	if (error == 0)
		error = gnutls_x509_crt_set_expiration_time(pair->certificate, end_of_time());
	if (error == 0)
		error = gnutls_x509_crt_set_dn(pair->certificate, name, NULL);

	return error;
}

static int pair_init(struct pair *pair, const char *name)
{
	int error = gnutls_x509_crt_init(&pair->certificate);

	if (error == 0)
		error = gnutls_x509_privkey_init(&pair->key);
	if (error == 0)
		error = gnutls_x509_privkey_generate(
			pair->key, GNUTLS_PK_ECDSA,
			GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);

	return error < 0 ? error : fill(pair, name);
}

static int set_key_ids(struct pair *pair, struct pair *issuer)
{
	uint8_t id[KEY_ID_MAX];
	size_t len = sizeof(id);
	int error = gnutls_x509_crt_get_key_id(pair->certificate, 0, id, &len);

	if (error == 0)
		error = gnutls_x509_crt_set_subject_key_id(pair->certificate, id, len);
	len = sizeof(id);
	if (error == 0)
		error = gnutls_x509_crt_get_key_id(issuer->certificate, 0, id, &len);
	if (error == 0)
		error = gnutls_x509_crt_set_authority_key_id(pair->certificate, id, len);

	return error;
}

static int sign(struct pair *pair, struct pair *issuer)
{
	int error = set_key_ids(pair, issuer);

	return error < 0 ? error
			 : gnutls_x509_crt_sign2(pair->certificate, issuer->certificate,
						 issuer->key, GNUTLS_DIG_SHA256, 0);
}

static int make_ca(struct pair *ca)
{
	int error = pair_init(ca, "CN=Skybus simulator CA");

	if (error == 0)
		error = gnutls_x509_crt_set_basic_constraints(ca->certificate, 1, 0);
	if (error == 0)
		error = gnutls_x509_crt_set_key_usage(ca->certificate, GNUTLS_KEY_KEY_CERT_SIGN);

	return error < 0 ? error : sign(ca, ca);
}

/* RFC 9525 section 6.3: the names by which it may be asked for. */
static int add_names(gnutls_x509_crt_t certificate, const struct sim_address *address)
{
	const struct in_addr ipv4 = { htonl(INADDR_LOOPBACK) };
	const struct in6_addr ipv6 = IN6ADDR_LOOPBACK_INIT;
	const bool is_ipv4 = address->any.sa_family == AF_INET;
	const struct {
		gnutls_x509_subject_alt_name_t kind;
		const void *name;
		unsigned int len;
	} names[] = {
		{ GNUTLS_SAN_DNSNAME, "localhost", strlen("localhost") },
		{ GNUTLS_SAN_IPADDRESS, &ipv4, sizeof(ipv4) },
		{ GNUTLS_SAN_IPADDRESS, &ipv6, sizeof(ipv6) },
		{ GNUTLS_SAN_IPADDRESS,
		  is_ipv4 ? (const void *)&address->in.sin_addr
			  : (const void *)&address->in6.sin6_addr,
		  is_ipv4 ? sizeof(ipv4) : sizeof(ipv6) },
	};
	int error = 0;

	for (size_t i = 0; i < SIM_ELEMENTS(names) && error == 0; i++)
		error = gnutls_x509_crt_set_subject_alt_name(certificate, names[i].kind,
							     names[i].name, names[i].len,
							     GNUTLS_FSAN_APPEND);

	return error;
}

static int make_certificate(struct pair *pair, struct pair *ca, const struct sim_address *address)
{
	int error = pair_init(pair, "CN=Skybus simulator");

	if (error == 0)
		error = gnutls_x509_crt_set_basic_constraints(pair->certificate, 0, -1);
	if (error == 0)
		error = gnutls_x509_crt_set_key_usage(pair->certificate,
						      GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (error == 0)
		error = gnutls_x509_crt_set_key_purpose_oid(pair->certificate,
							    GNUTLS_KP_TLS_WWW_SERVER, 0);
	if (error == 0)
		error = add_names(pair->certificate, address);

	return error < 0 ? error : sign(pair, ca);
}

static int export_all(struct sim_authority *authority, const struct pair *ca,
		      const struct pair *pair)
{
	int error = gnutls_x509_crt_export2(ca->certificate, GNUTLS_X509_FMT_PEM, &authority->ca);

	if (error == 0)
		error = gnutls_x509_crt_export2(pair->certificate, GNUTLS_X509_FMT_PEM,
						&authority->certificate);
	if (error == 0)
		error = gnutls_x509_privkey_export2_pkcs8(pair->key, GNUTLS_X509_FMT_PEM, NULL,
							  GNUTLS_PKCS_PLAIN,
							  &authority->certificate_key);

	return error;
}

/**
 * sim_authority_new() - make a CA and a certificate
 * @address: where the doors are; the certificate holds it, beside 127.0.0.1, ::1 and localhost
 * @ret: the authority
 *
 * Return: 0; -ENOMEM; -EIO when GnuTLS cannot.
 */
int sim_authority_new(const struct sim_address *address, struct sim_authority **ret)
{
	struct sim_authority *authority = calloc(1, sizeof(*authority));
	struct pair ca = { 0 }, pair = { 0 };
	int error;

	if (!authority)
		return -ENOMEM;

	error = make_ca(&ca);
	if (error == 0)
		error = make_certificate(&pair, &ca, address);
	if (error == 0)
		error = export_all(authority, &ca, &pair);
	pair_done(&pair);
	pair_done(&ca);
	if (error < 0) {
		(void)sim_authority_free(authority);
		return error == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EIO;
	}
	*ret = authority;

	return 0;
}

/**
 * sim_authority_free() - forget the certificates
 * @authority: may be NULL or half-built
 *
 * Return: NULL.
 */
struct sim_authority *sim_authority_free(struct sim_authority *authority)
{
	if (!authority)
		return NULL;

	gnutls_free(authority->ca.data);
	gnutls_free(authority->certificate.data);
	gnutls_free(authority->certificate_key.data);
	free(authority);

	return NULL;
}

/**
 * sim_authority_certificate() - what doors show
 * @authority: the authority
 *
 * Return: the certificate as PEM, lent with the authority.
 */
const char *sim_authority_certificate(const struct sim_authority *authority)
{
	return (const char *)authority->certificate.data;
}

/**
 * sim_authority_certificate_key() - the private key of that certificate
 * @authority: the authority
 *
 * Return: the key as PEM, lent with the authority.
 */
const char *sim_authority_certificate_key(const struct sim_authority *authority)
{
	return (const char *)authority->certificate_key.data;
}

/**
 * sim_authority_write_ca() - hand out what clients must trust
 * @authority: the authority
 * @path: of the file; what was there is replaced
 *
 * Return: 0, or a negative errno.
 */
int sim_authority_write_ca(const struct sim_authority *authority, const char *path)
{
	FILE *file = fopen(path, "we");
	int error = 0;

	if (!file)
		return -errno;
	if (fputs((const char *)authority->ca.data, file) == EOF)
		error = -errno;
	if (fclose(file) == EOF && error == 0)
		error = -errno;

	return error;
}
