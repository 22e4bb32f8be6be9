/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "daemon/transport-private.h"
#include "tests/daemon/transport-fixture.h"

#define NAME "cloud.example"

/** struct authority - a directory with certificates, made once: they are slow to make */
struct authority {
	struct scratch scratch;
	char trust[8192]; /* the root, PEM */
};

/** struct fixture - a transport, and what is shared */
struct fixture {
	struct transport_fixture *base;
	struct authority *authority;
};

/* By name: the subject's alternative name. Only "openssl ca" makes certificates of the past, in all versions. */
static const char script[] =
	"set -e; cd \"$0\"; exec >/dev/null 2>&1\n"
	"key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'\n"
	"root() { openssl req -x509 $key -keyout $1.key -out $1.pem -subj /CN=$1 -days 2; }\n"
	"leaf() {\n"
	"	printf 'subjectAltName=%s\\n%s\\n' \"$2\" \"$3\" >$1.ext\n"
	"	openssl req $key -keyout $1.key -out $1.csr -subj /CN=" NAME "\n"
	"	openssl x509 -req -in $1.csr -CA root.pem -CAkey root.key -CAcreateserial \\\n"
	"		-days 2 -extfile $1.ext -out $1.pem\n"
	"}\n"
	"past() {\n"
	"	printf '[ca]\\ndefault_ca=it\\n[it]\\ndatabase=index\\nserial=serial\\nnew_certs_dir=.\\n' >cnf\n"
	"	printf 'policy=any\\ndefault_md=sha256\\n[any]\\ncommonName=supplied\\n' >>cnf\n"
	"	: >index; echo 77 >serial\n"
	"	openssl ca -batch -notext -config cnf -cert root.pem -keyfile root.key -in $1.csr \\\n"
	"		-extfile $1.ext -out $1.pem -startdate 20200101000000Z -enddate 20200102000000Z\n"
	"}\n"
	"root root; root stranger\n"
	"leaf good DNS:" NAME "; leaf other DNS:other.example; leaf address IP:127.0.0.1\n"
	"leaf expired DNS:" NAME "; past expired\n"
	"leaf client DNS:" NAME " extendedKeyUsage=clientAuth\n";

static int make_certificates(void **state)
{
	struct authority *authority = calloc(1, sizeof(*authority));
	char command[sizeof(script) + 128];
	FILE *file;

	assert_non_null(authority);
	scratch_init(&authority->scratch);
	scratch_text(&authority->scratch, "make", script);
	(void)snprintf(command, sizeof(command), "sh -c \"$(cat %s/make)\" %s",
		       authority->scratch.path, authority->scratch.path);
	assert_int_equal(system(command), 0);
	file = fopen(scratch_path(&authority->scratch, "root.pem"), "re");
	assert_non_null(file);
	assert_in_range(fread(authority->trust, 1, sizeof(authority->trust) - 1, file), 100,
			sizeof(authority->trust) - 1);
	(void)fclose(file);
	*state = authority;

	return 0;
}

static int drop_certificates(void **state)
{
	struct authority *authority = *state;

	scratch_done(&authority->scratch);
	free(authority);

	return 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->authority = *state;
	assert_int_equal(transport_setup((void **)&f->base), 0);
	*state = f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)transport_teardown((void **)&f->base);
	*state = f->authority;
	free(f);

	return 0;
}

/* OpenSSL's, which speaks no CoAP: a session that opens is the proof. */
static void start_server(struct fixture *f, const char *certificate)
{
	char at[32];
	char file[128];
	char key[128];
	const char *const argv[] = { "openssl", "s_server", "-dtls1_2", "-quiet", "-accept", at,
				     "-cert",	file,	    "-key",	key,	  NULL };

	(void)snprintf(at, sizeof(at), "127.0.0.1:%u", server_choose_port(&f->base->server));
	(void)snprintf(file, sizeof(file), "%s/%s.pem", f->authority->scratch.path, certificate);
	(void)snprintf(key, sizeof(key), "%s/%s.key", f->authority->scratch.path, certificate);
	if (!server_run(&f->base->server, argv))
		skip();
}

static void open_session(struct fixture *f, uint16_t port, const char *host, const char *trust)
{
	struct sb_peer peer = transport_peer_at(port);

	peer.security = SKYBUS_CERTIFICATE;
	peer.host = host;
	peer.trust = (const uint8_t *)trust;
	peer.trust_len = trust ? strlen(trust) : 0;
	f->base->told = 0;
	assert_int_equal(sb_session_new(f->base->transport, &peer, transport_on_session, f->base,
					&f->base->session),
			 0);
	transport_run_until_told(f->base, 1);
}

static void expect_trust(void **state, const char *certificate, const char *host)
{
	struct fixture *f = *state;

	start_server(f, certificate);
	open_session(f, f->base->server.port, host, f->authority->trust);
	assert_string_equal(f->base->detail, "");
	assert_int_equal(f->base->outcome, 0);
	/* The deadline of the handshake is over with it. */
	sb_loop_advance(f->base->loop, 60 * SB_USEC_PER_SEC);
	assert_int_equal(f->base->told, 1);
}

static void expect_distrust(void **state, const char *certificate, const char *host,
			    const char *trust, const char *detail)
{
	struct fixture *f = *state;

	start_server(f, certificate);
	open_session(f, f->base->server.port, host, trust);
	assert_string_equal(f->base->detail, detail);
	assert_int_equal(f->base->outcome, -EBADMSG);
	assert_int_equal(transport_send_with(f->base, SKYBUS_GET, "/x", NULL, 0, false), -ENOTCONN);
	transport_run_a_while(f->base);
	assert_int_equal(f->base->told, 1);
}

static const char *trust_of(void **state)
{
	return ((const struct fixture *)*state)->authority->trust;
}

static void a_good_certificate(void **state)
{
	expect_trust(state, "good", NAME);
}

static void a_certificate_for_an_address(void **state)
{
	expect_trust(state, "address", "127.0.0.1");
}

static void a_certificate_for_the_address_of_a_peer_without_name(void **state)
{
	expect_trust(state, "address", NULL);
}

static void a_signer_whom_nobody_trusts(void **state)
{
	expect_distrust(state, "good", NAME, NULL, "is signed by nobody we trust");
}

static void a_certificate_that_signed_itself(void **state)
{
	expect_distrust(state, "stranger", "stranger", trust_of(state),
			"is signed by nobody we trust");
}

static void a_certificate_for_another_name(void **state)
{
	expect_distrust(state, "other", NAME, trust_of(state),
			"is for another name: other.example");
}

static void a_certificate_for_a_name_where_an_address_is_wanted(void **state)
{
	expect_distrust(state, "good", "127.0.0.1", trust_of(state), "is for another name: " NAME);
}

static void a_certificate_for_another_address(void **state)
{
	expect_distrust(state, "address", "127.0.0.2", trust_of(state),
			"is for another name: " NAME);
}

static void a_certificate_that_has_expired(void **state)
{
	expect_distrust(state, "expired", NAME, trust_of(state), "has expired");
}

static void a_certificate_for_a_client(void **state)
{
	expect_distrust(state, "client", NAME, trust_of(state), "is not for a server");
}

static void roots_that_are_none(void **state)
{
	expect_distrust(state, "good", NAME, "no PEM",
			"cannot be checked: the roots to trust hold no certificate in PEM");
}

/* Each session has its own roots, whatever others trust. */
static void trust_is_not_shared(void **state)
{
	struct fixture *f = *state;

	expect_trust(state, "good", NAME);
	f->base->others[0] = f->base->session;
	f->base->session = NULL;
	server_stop(&f->base->server);
	expect_distrust(state, "good", NAME, NULL, "is signed by nobody we trust");
}

static size_t count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(directory);
	while (readdir(directory))
		n++;
	(void)closedir(directory);

	return n;
}

static struct sb_session *begin_session(struct fixture *f, const char *host)
{
	struct sb_peer peer = transport_peer_at(server_choose_port(&f->base->server));
	struct sb_session *session;

	peer.security = SKYBUS_CERTIFICATE;
	peer.host = host;
	assert_int_equal(sb_session_new(f->base->transport, &peer, transport_on_session, f->base,
					&session),
			 0);

	return session;
}

/* Descriptors below 1024 are few, and a context of libcoap takes two of them. */
static void a_session_more_takes_one_descriptor(void **state)
{
	struct fixture *f = *state;
	size_t before;

	f->base->session = begin_session(f, NAME);
	before = count_descriptors();
	f->base->others[0] = begin_session(f, "another.example");
	assert_int_equal(count_descriptors(), before + 1);

	/* The name that was asked for first is gone, and the context is not. */
	f->base->session = sb_session_free(f->base->session);
	transport_run_a_while(f->base);
	assert_int_equal(count_descriptors(), before);
	f->base->session = begin_session(f, "a.third.example");
	assert_int_equal(count_descriptors(), before + 1);
}

/* What libcoap would say to the peer if it shook hands by itself, with what its context has. */
static size_t hello_of_context(struct fixture *f, coap_context_t *context, uint8_t *ret,
			       size_t size)
{
	struct sb_peer peer = transport_peer_at(f->base->peer.port);
	coap_address_t address;
	coap_session_t *coap;
	ssize_t len;

	coap_address_init(&address);
	memcpy(&address.addr, &peer.address, peer.address_len);
	address.size = peer.address_len;
	coap = coap_new_client_session(context, NULL, &address, COAP_PROTO_DTLS);
	assert_non_null(coap);
	len = recv(f->base->peer.fd, ret, size, MSG_DONTWAIT);
	coap_session_release(coap);
	assert_true(len > 0);

	return (size_t)len;
}

static void the_name_of_a_session_is_its_own(void **state)
{
	struct fixture *f = *state;
	uint8_t hello[2048];
	size_t len;

	f->base->others[0] = begin_session(f, NAME);
	f->base->session = begin_session(f, "another.example");
	assert_ptr_equal(f->base->others[0]->shard, f->base->session->shard);
	for (int i = 0; i < 2; i++) {
		len = hello_of_context(f, f->base->others[0]->shard->context, hello, sizeof(hello));
		assert_null(memmem(hello, len, "example", 7));
		f->base->session = sb_session_free(f->base->session);
		transport_run_a_while(f->base);
	}
}

static void keys_and_certificates_do_not_mix(void **state)
{
	static const char *const arguments[] = { "-k", "secret", "-h", "hint", NULL };
	struct fixture *f = *state;
	struct sb_peer peer;

	expect_trust(state, "good", NAME);
	f->base->others[0] = f->base->session;
	f->base->session = NULL;
	server_stop(&f->base->server);
	transport_start_server(f->base, "coap-server-gnutls", arguments);
	peer = transport_peer_at(f->base->server.port + 1);
	peer.security = SKYBUS_PSK;
	peer.identity = (const uint8_t *)"device";
	peer.identity_len = 6;
	peer.key = (const uint8_t *)"secret";
	peer.key_len = 6;
	f->base->told = 0;
	assert_int_equal(sb_session_new(f->base->transport, &peer, transport_on_session, f->base,
					&f->base->session),
			 0);
	transport_run_until_told(f->base, 1);
	assert_int_equal(f->base->outcome, 0);
}

static void talk(void **state, const char *program)
{
	struct fixture *f = *state;
	char file[128];
	char key[128];
	const char *const arguments[] = { "-c", file, "-j", key, "-n", "-d", "8", NULL };

	(void)snprintf(file, sizeof(file), "%s/good.pem", f->authority->scratch.path);
	(void)snprintf(key, sizeof(key), "%s/good.key", f->authority->scratch.path);
	transport_start_server(f->base, program, arguments);
	open_session(f, f->base->server.port + 1, NAME, f->authority->trust);
	assert_string_equal(f->base->detail, "");
	assert_int_equal(f->base->outcome, 0);
	assert_int_equal(transport_send_with(f->base, SKYBUS_PUT, "/x", "certified", 9, false), 0);
	transport_run_until_replies(f->base, 1);
	assert_int_equal(transport_send_with(f->base, SKYBUS_GET, "/x", NULL, 0, false), 0);
	transport_run_until_replies(f->base, 2);
	transport_expect_reply(f->base, SKYBUS_CODE(2, 5), "certified");
	server_stop(&f->base->server);
	assert_int_equal(transport_send_with(f->base, SKYBUS_GET, "/x", NULL, 0, true), 0);
	transport_run_until_told(f->base, 2);
	assert_true(f->base->outcome == -ECONNREFUSED || f->base->outcome == -ECONNRESET);
}

static void an_exchange_with_gnutls(void **state)
{
	talk(state, "coap-server-gnutls");
}

static void an_exchange_with_openssl(void **state)
{
	talk(state, "coap-server-openssl");
}

static void a_session_may_be_freed_amid_its_handshake(void **state)
{
	struct fixture *f = *state;
	struct sb_peer peer;

	start_server(f, "good");
	peer = transport_peer_at(f->base->server.port);
	peer.security = SKYBUS_CERTIFICATE;
	for (unsigned int turns = 0; turns < 6; turns++) {
		assert_int_equal(sb_session_new(f->base->transport, &peer, transport_on_session,
						f->base, &f->base->session),
				 0);
		for (unsigned int i = 0; i < turns; i++)
			transport_turn(f->base);
		f->base->session = sb_session_free(f->base->session);
	}
	transport_run_a_while(f->base);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_certificate),
		TEST(a_certificate_for_an_address),
		TEST(a_certificate_for_the_address_of_a_peer_without_name),
		TEST(a_signer_whom_nobody_trusts),
		TEST(a_certificate_that_signed_itself),
		TEST(a_certificate_for_another_name),
		TEST(a_certificate_for_a_name_where_an_address_is_wanted),
		TEST(a_certificate_for_another_address),
		TEST(a_certificate_that_has_expired),
		TEST(a_certificate_for_a_client),
		TEST(roots_that_are_none),
		TEST(trust_is_not_shared),
		TEST(a_session_more_takes_one_descriptor),
		TEST(the_name_of_a_session_is_its_own),
		TEST(keys_and_certificates_do_not_mix),
		TEST(an_exchange_with_gnutls),
		TEST(an_exchange_with_openssl),
		TEST(a_session_may_be_freed_amid_its_handshake),
	};

	return cmocka_run_group_tests(tests, make_certificates, drop_certificates);
}
