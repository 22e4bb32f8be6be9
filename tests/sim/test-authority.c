/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/authority.h"
#include "sim/cleanup.h"

struct fixture {
	struct sim_authority *authority;
	gnutls_x509_crt_t ca;
	gnutls_x509_crt_t certificate;
};

static gnutls_x509_crt_t read_pem(const char *pem)
{
	gnutls_datum_t text = { (unsigned char *)(uintptr_t)pem, (unsigned int)strlen(pem) };
	gnutls_x509_crt_t certificate;

	assert_int_equal(gnutls_x509_crt_init(&certificate), 0);
	assert_int_equal(gnutls_x509_crt_import(certificate, &text, GNUTLS_X509_FMT_PEM), 0);

	return certificate;
}

/* What clients must trust, as PEM: lent until the next one. A longer file gives way to it. */
static const char *ca_of(const struct sim_authority *authority)
{
	static char text[8192];
	char path[] = "/tmp/test-authority-XXXXXX";
	int fd = mkstemp(path);
	FILE *file;

	memset(text, 'x', sizeof(text));
	assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
	assert_int_equal(close(fd), 0);
	assert_int_equal(sim_authority_write_ca(authority, path), 0);
	file = fopen(path, "re");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	(void)fclose(file);
	(void)unlink(path);

	return text;
}

static int setup(void **state)
{
	static struct fixture fixture;
	struct sim_address address;

	*state = &fixture;
	if (sim_address_parse("192.0.2.7", &address) < 0 ||
	    sim_authority_new(&address, &fixture.authority) < 0)
		return -1;
	fixture.ca = read_pem(ca_of(fixture.authority));
	fixture.certificate = read_pem(sim_authority_certificate(fixture.authority));

	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	gnutls_x509_crt_deinit(fixture->certificate);
	gnutls_x509_crt_deinit(fixture->ca);
	fixture->authority = sim_authority_free(fixture->authority);

	return 0;
}

static void test_ca_vouches_for_the_certificate(void **state)
{
	const struct fixture *fixture = *state;
	unsigned int status = 1;

	assert_int_equal(gnutls_x509_crt_verify(fixture->certificate, &fixture->ca, 1, 0, &status),
			 0);
	assert_int_equal(status, 0);
	assert_int_equal(gnutls_x509_crt_get_ca_status(fixture->ca, NULL), 1);
	assert_int_equal(gnutls_x509_crt_get_ca_status(fixture->certificate, NULL), 0);
	assert_int_equal(gnutls_x509_crt_get_pk_algorithm(fixture->certificate, NULL),
			 GNUTLS_PK_ECDSA);
}

/* Two starts share no trust. */
static void test_another_ca_does_not(void **state)
{
	const struct fixture *fixture = *state;
	struct sim_authority *other = NULL;
	struct sim_address address;
	gnutls_x509_crt_t ca;
	unsigned int status = 0;

	assert_int_equal(sim_address_parse("::1", &address), 0);
	assert_int_equal(sim_authority_new(&address, &other), 0);
	ca = read_pem(ca_of(other));
	assert_int_equal(gnutls_x509_crt_verify(fixture->certificate, &ca, 1, 0, &status), 0);
	assert_int_not_equal(status, 0);
	gnutls_x509_crt_deinit(ca);
	assert_null(sim_authority_free(other));
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		unsigned int holds;
	} cases[] = {
		{ "localhost", 1 }, { "127.0.0.1", 1 }, { "::1", 1 },
		{ "192.0.2.7", 1 }, { "192.0.2.8", 0 }, { "example.com", 0 },
	};
	const struct fixture *fixture = *state;

	for (size_t i = 0; i < SIM_ELEMENTS(cases); i++)
		assert_int_equal(gnutls_x509_crt_check_hostname(fixture->certificate,
								cases[i].name) != 0,
				 cases[i].holds);
}

static void test_key_belongs_to_the_certificate(void **state)
{
	const struct fixture *fixture = *state;
	const char *pem = sim_authority_certificate_key(fixture->authority);
	gnutls_datum_t text = { (unsigned char *)(uintptr_t)pem, (unsigned int)strlen(pem) };
	uint8_t of_key[64], of_certificate[64];
	size_t key_len = sizeof(of_key), certificate_len = sizeof(of_certificate);
	gnutls_x509_privkey_t key;

	assert_int_equal(gnutls_x509_privkey_init(&key), 0);
	assert_int_equal(gnutls_x509_privkey_import(key, &text, GNUTLS_X509_FMT_PEM), 0);
	assert_int_equal(gnutls_x509_privkey_get_key_id(key, 0, of_key, &key_len), 0);
	assert_int_equal(gnutls_x509_crt_get_key_id(fixture->certificate, 0, of_certificate,
						    &certificate_len),
			 0);
	assert_int_equal(key_len, certificate_len);
	assert_memory_equal(of_key, of_certificate, key_len);
	gnutls_x509_privkey_deinit(key);
}

static void test_ca_file(void **state)
{
	const struct fixture *fixture = *state;

	assert_int_equal(sim_authority_write_ca(fixture->authority, "/nowhere/at/all"), -ENOENT);
	assert_int_equal(sim_authority_write_ca(fixture->authority, "/dev/full"), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ca_vouches_for_the_certificate),
		cmocka_unit_test(test_another_ca_does_not),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_key_belongs_to_the_certificate),
		cmocka_unit_test(test_ca_file),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
