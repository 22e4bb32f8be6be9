/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/resolver.h"

#define MANY 100

struct fixture {
	struct sb_loop *loop;
	struct sb_resolver *resolver;
	unsigned int told;
	int error;
	char detail[128];
	struct sb_address first;
	size_t n_addresses;
	struct sb_lookup *lookup;
	struct sb_lookup *cancel_this; /* from within a completion */
	const char *ask_this; /* likewise */
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	assert_int_equal(sb_loop_new(&f.loop), 0);
	assert_int_equal(sb_resolver_new(f.loop, &f.resolver), 0);
	*state = &f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)sb_resolver_free(f->resolver);
	(void)sb_loop_free(f->loop);

	return 0;
}

static void on_resolved(void *userdata, int error, const char *detail,
			const struct sb_address *addresses, size_t n_addresses)
{
	struct fixture *f = userdata;

	f->told++;
	f->error = error;
	f->n_addresses = n_addresses;
	strncpy(f->detail, detail, sizeof(f->detail) - 1);
	if (n_addresses > 0)
		f->first = addresses[0];
	f->cancel_this = sb_lookup_cancel(f->cancel_this);
	if (f->ask_this)
		assert_int_equal(sb_resolver_ask(f->resolver, f->ask_this, 1, on_resolved, f,
						 &f->lookup),
				 0);
	f->ask_this = NULL;
}

static struct sb_lookup *ask(struct fixture *f, const char *host)
{
	struct sb_lookup *lookup = NULL;

	assert_int_equal(sb_resolver_ask(f->resolver, host, 5683, on_resolved, f, &lookup), 0);
	assert_non_null(lookup);

	return lookup;
}

/* The name server, should there be one, has a while. */
static void run_until_told(struct fixture *f, unsigned int times)
{
	for (unsigned int i = 0; i < 400 && f->told < times; i++)
		assert_true(sb_loop_turn(f->loop, 50 * SB_USEC_PER_MSEC) >= 0);
	assert_int_equal(f->told, times);
}

static void a_numeric_address_becomes_one(void **state)
{
	struct fixture *f = *state;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&f->first.sockaddr;

	(void)ask(f, "127.0.0.1");
	assert_int_equal(f->told, 0);
	run_until_told(f, 1);
	assert_int_equal(f->error, 0);
	assert_int_equal(f->n_addresses, 1);
	assert_string_equal(f->detail, "");
	assert_int_equal(f->first.len, sizeof(*in));
	assert_int_equal(in->sin_family, AF_INET);
	assert_int_equal(in->sin_port, htons(5683));
	assert_int_equal(in->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
}

static void version_six_too(void **state)
{
	struct fixture *f = *state;
	const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)&f->first.sockaddr;

	(void)ask(f, "::1");
	run_until_told(f, 1);
	assert_int_equal(f->error, 0);
	assert_int_equal(f->first.len, sizeof(*in));
	assert_int_equal(in->sin6_family, AF_INET6);
	assert_int_equal(in->sin6_port, htons(5683));
}

/* As the C library has it: a bare root may have no /etc/hosts, and then there is no localhost. */
static void a_name_is_what_the_system_says(void **state)
{
	struct fixture *f = *state;
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	struct addrinfo *known = NULL;
	int gai = getaddrinfo("localhost", "5683", &hints, &known);

	(void)ask(f, "localhost");
	run_until_told(f, 1);
	if (gai == 0) {
		assert_int_equal(f->error, 0);
		assert_int_equal(f->first.len, known->ai_addrlen);
		assert_memory_equal(&f->first.sockaddr, known->ai_addr, known->ai_addrlen);
		freeaddrinfo(known);
	} else {
		assert_int_not_equal(f->error, 0);
		assert_string_equal(f->detail, gai_strerror(gai));
	}
}

/* RFC 6761 section 6.4: no name below .invalid exists; a server may also be out of reach. */
static void a_name_that_does_not_exist_is_told_so(void **state)
{
	struct fixture *f = *state;

	(void)ask(f, "skybus.invalid");
	run_until_told(f, 1);
	assert_true(f->error == -EHOSTUNREACH || f->error == -EAGAIN);
	assert_int_equal(f->n_addresses, 0);
	assert_string_not_equal(f->detail, "");
}

static void nonsense_is_told_so(void **state)
{
	struct fixture *f = *state;

	(void)ask(f, "");
	(void)ask(f, "300.1.1.1 x");
	run_until_told(f, 2);
	assert_true(f->error < 0);
	assert_int_equal(f->n_addresses, 0);
}

static void a_cancelled_lookup_is_silent(void **state)
{
	struct fixture *f = *state;
	struct sb_lookup *lookup = ask(f, "127.0.0.1");

	assert_null(sb_lookup_cancel(lookup));
	assert_null(sb_lookup_cancel(NULL));
	(void)ask(f, "127.0.0.2");
	run_until_told(f, 1);
	for (unsigned int i = 0; i < 5; i++)
		(void)sb_loop_turn(f->loop, SB_USEC_PER_MSEC);
	assert_int_equal(f->told, 1);
}

static void a_completion_may_cancel_and_ask(void **state)
{
	struct fixture *f = *state;

	(void)ask(f, "127.0.0.1");
	f->cancel_this = ask(f, "skybus.invalid");
	f->ask_this = "127.0.0.3";
	run_until_told(f, 2);
	assert_int_equal(f->error, 0);
}

static void many_are_answered(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < MANY; i++)
		(void)ask(f, "127.0.0.1");
	run_until_told(f, MANY);
}

/* More than the C library has threads for: some have not even begun. */
static void it_can_be_freed_with_lookups_under_way(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < MANY; i++)
		(void)ask(f, i % 2 ? "skybus.invalid" : "localhost");
	f->resolver = sb_resolver_free(f->resolver);
	(void)sb_loop_turn(f->loop, SB_USEC_PER_MSEC);
	assert_int_equal(f->told, 0);
}

static void it_can_be_freed_between_notice_and_turn(void **state)
{
	struct fixture *f = *state;

	(void)sb_lookup_cancel(ask(f, "127.0.0.1"));
	(void)ask(f, "127.0.0.1");
	run_until_told(f, 1);
	(void)ask(f, "127.0.0.1");
	f->resolver = sb_resolver_free(f->resolver);
	assert_int_equal(f->told, 1);
	assert_null(sb_resolver_free(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_numeric_address_becomes_one),
		TEST(version_six_too),
		TEST(a_name_is_what_the_system_says),
		TEST(a_name_that_does_not_exist_is_told_so),
		TEST(nonsense_is_told_so),
		TEST(a_cancelled_lookup_is_silent),
		TEST(a_completion_may_cancel_and_ask),
		TEST(many_are_answered),
		TEST(it_can_be_freed_with_lookups_under_way),
		TEST(it_can_be_freed_between_notice_and_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
