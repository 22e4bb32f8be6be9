/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clouds offer one suite or another with a key: each must do. One server for each, that has no other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/daemon/transport-fixture.h"

static void open_with(struct transport_fixture *f, const char *suite)
{
	char at[32];
	const char *const argv[] = { "openssl",	     "s_server", "-dtls1_2", "-quiet",
				     "-nocert",	     "-accept",	 at,	     "-psk",
				     "736563726574", "-cipher",	 suite,	     NULL };
	struct sb_peer peer;

	(void)snprintf(at, sizeof(at), "127.0.0.1:%u", server_choose_port(&f->server));
	if (!server_run(&f->server, argv))
		skip();
	peer = transport_peer_at(f->server.port);
	peer.security = SKYBUS_PSK;
	peer.host = "localhost";
	/* The one that OpenSSL expects when it is not told another. */
	peer.identity = (const uint8_t *)"Client_identity";
	peer.identity_len = strlen("Client_identity");
	peer.key = (const uint8_t *)"secret";
	peer.key_len = 6;
	assert_int_equal(sb_session_new(f->transport, &peer, transport_on_session, f, &f->session),
			 0);
	transport_run_until_told(f, 1);
	assert_string_equal(f->detail, "");
	assert_int_equal(f->outcome, 0);
}

static void aes128_ccm8(void **state)
{
	/* Its tag is too short for OpenSSL's usual level. */
	open_with(*state, "PSK-AES128-CCM8:@SECLEVEL=0");
}

static void aes128_cbc_sha256(void **state)
{
	open_with(*state, "PSK-AES128-CBC-SHA256");
}

static void aes128_cbc_sha(void **state)
{
	open_with(*state, "PSK-AES128-CBC-SHA");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, transport_setup, transport_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(aes128_ccm8),
		TEST(aes128_cbc_sha256),
		TEST(aes128_cbc_sha),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
