/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Against servers of Python's (https-server.py), so time is real here: the time-outs that are waited
 * for are short. Runs in the root of the source tree.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/https.h"
#include "tests/daemon/scratch.h"
#include "tests/daemon/tcp-figures.h"

#define SERVER "tests/daemon/https-server.py"
#define PATIENCE_TURNS 400
#define TURN_USEC (50 * SB_USEC_PER_MSEC)

extern char **environ;

/* The servers, for the whole group. */
struct servers {
	struct scratch scratch;
	pid_t pid;
	int stdin_fd; /* they end when this is closed */
	unsigned int good;
	unsigned int other;
	unsigned int expired;
	uint8_t root[4096]; /* that has signed all of them */
	uint8_t stranger[4096];
	size_t root_len;
	size_t stranger_len;
};

struct fixture {
	struct servers *servers;
	struct sb_loop *loop;
	struct sb_https *https;
	struct skybus_fetch plan; /* for the good server */
	char url[128];
	unsigned int told;
	uint32_t status;
	char content_type[64];
	char content_range[64];
	char body[65536 + 1];
	size_t body_len;
	char reason[512];
	struct sb_fetch *fetch;
	struct sb_fetch *cancel_this; /* from within a completion */
	bool ask_again; /* likewise */
	int listener; /* a port where nobody answers, or -1 */
};

/* ---- the servers ----------------------------------------------------------------------------- */

static void spawn_servers(struct servers *servers, int *ret_stdout)
{
	const char *const args[] = { "python3", SERVER, servers->scratch.path, NULL };
	posix_spawn_file_actions_t actions;
	int in[2];
	int out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO), 0);
	assert_int_equal(posix_spawnp(&servers->pid, args[0], &actions, NULL, (char *const *)args,
				      environ),
			 0);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(in[0]);
	(void)close(out[1]);
	servers->stdin_fd = in[1];
	*ret_stdout = out[0];
}

static void read_ports(struct servers *servers, int fd)
{
	FILE *out = fdopen(fd, "r");

	assert_non_null(out);
	assert_int_equal(
		fscanf(out, "%u %u %u", &servers->good, &servers->other, &servers->expired), 3);
	(void)fclose(out);
}

static size_t read_root(struct servers *servers, const char *name, uint8_t *ret, size_t size)
{
	FILE *file = fopen(scratch_path(&servers->scratch, name), "re");
	size_t len;

	assert_non_null(file);
	len = fread(ret, 1, size, file);
	assert_in_range(len, 1, size - 1);
	(void)fclose(file);

	return len;
}

static int group_setup(void **state)
{
	static struct servers servers;
	int out;

	(void)unsetenv("https_proxy");
	(void)unsetenv("HTTPS_PROXY");
	(void)unsetenv("all_proxy");
	(void)unsetenv("ALL_PROXY");
	scratch_init(&servers.scratch);
	spawn_servers(&servers, &out);
	read_ports(&servers, out);
	servers.root_len = read_root(&servers, "root.pem", servers.root, sizeof(servers.root));
	servers.stranger_len =
		read_root(&servers, "stranger.pem", servers.stranger, sizeof(servers.stranger));
	*state = &servers;

	return 0;
}

static int group_teardown(void **state)
{
	struct servers *servers = *state;

	(void)close(servers->stdin_fd);
	(void)waitpid(servers->pid, NULL, 0);
	scratch_done(&servers->scratch);

	return 0;
}

/* ---- the fixture ----------------------------------------------------------------------------- */

static int setup(void **state)
{
	static struct fixture f;
	struct servers *servers = *state;

	f = (struct fixture){
		.servers = servers,
		.plan = { .size = sizeof(f.plan),
			  .url = f.url,
			  .trust = servers->root,
			  .trust_len = (uint32_t)servers->root_len },
		.listener = -1,
	};
	assert_int_equal(sb_loop_new(&f.loop), 0);
	assert_int_equal(sb_https_new(f.loop, &f.https), 0);
	*state = &f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)sb_https_free(f->https);
	(void)sb_loop_free(f->loop);
	if (f->listener >= 0)
		(void)close(f->listener);
	*state = f->servers;

	return 0;
}

static void on_fetched(void *userdata, const struct skybus_fetched *fetched)
{
	struct fixture *f = userdata;

	f->told++;
	f->status = fetched->status;
	f->body_len = fetched->body_len;
	assert_in_range(f->body_len, 0, sizeof(f->body) - 1);
	assert_int_equal(fetched->body[f->body_len], 0);
	memcpy(f->body, fetched->body, f->body_len + 1);
	(void)snprintf(f->content_type, sizeof(f->content_type), "%s", fetched->content_type);
	(void)snprintf(f->content_range, sizeof(f->content_range), "%s", fetched->content_range);
	(void)snprintf(f->reason, sizeof(f->reason), "%s", fetched->reason);
	f->cancel_this = sb_fetch_cancel(f->cancel_this);
	if (f->ask_again) {
		f->ask_again = false;
		assert_int_equal(sb_https_get(f->https, &f->plan, NULL, on_fetched, f, &f->fetch),
				 0);
	}
}

static struct sb_fetch *get(struct fixture *f, unsigned int port, const char *path)
{
	struct sb_fetch *fetch = NULL;

	(void)snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%u%s", port, path);
	assert_int_equal(sb_https_get(f->https, &f->plan, NULL, on_fetched, f, &fetch), 0);
	assert_non_null(fetch);

	return fetch;
}

static void run_until_told(struct fixture *f, unsigned int times)
{
	for (unsigned int i = 0; i < PATIENCE_TURNS && f->told < times; i++)
		assert_true(sb_loop_turn(f->loop, TURN_USEC) >= 0);
	assert_int_equal(f->told, times);
}

static void run_a_while(struct fixture *f)
{
	for (unsigned int i = 0; i < 20; i++)
		assert_true(sb_loop_turn(f->loop, 5 * SB_USEC_PER_MSEC) >= 0);
}

static void assert_failed(const struct fixture *f, const char *part)
{
	assert_int_equal(f->status, 0);
	assert_int_equal(f->body_len, 0);
	assert_string_equal(f->content_type, "");
	if (!strstr(f->reason, part))
		fail_msg("\"%s\" is not in \"%s\"", part, f->reason);
}

/* A port of 127.0.0.1 where connections are taken and nobody says anything; or nobody listens. */
static unsigned int open_port(struct fixture *f, bool listening)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(in);

	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(f->listener >= 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&in, &len), 0);
	if (listening)
		assert_int_equal(listen(f->listener, 4), 0);

	return ntohs(in.sin_port);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void an_answer_comes_from_the_loop(void **state)
{
	struct fixture *f = *state;

	(void)get(f, f->servers->good, "/json");
	assert_int_equal(f->told, 0);
	run_until_told(f, 1);
	assert_string_equal(f->reason, "");
	assert_int_equal(f->status, 200);
	assert_string_equal(f->content_type, "application/json");
	assert_string_equal(f->content_range, "");
	assert_string_equal(f->body, "{\"secret\":\"s3cret\"}");
	assert_int_equal(f->body_len, strlen(f->body));
}

static void a_part_has_its_range(void **state)
{
	struct fixture *f = *state;

	f->plan.range = "2-4";
	(void)get(f, f->servers->good, "/part");
	run_until_told(f, 1);
	assert_int_equal(f->status, 206);
	assert_string_equal(f->content_range, "bytes 2-4/10");
	assert_string_equal(f->body, "234");
}

static void a_refusal_is_an_answer(void **state)
{
	struct fixture *f = *state;

	(void)get(f, f->servers->good, "/401");
	run_until_told(f, 1);
	assert_int_equal(f->status, 401);
	assert_string_equal(f->body, "{\"code\":\"401\"}");
	(void)get(f, f->servers->good, "/500");
	run_until_told(f, 2);
	assert_int_equal(f->status, 500);
	assert_string_equal(f->content_type, "text/plain");
	assert_string_equal(f->body, "broken");
	assert_string_equal(f->reason, "");
}

static void an_answer_may_be_empty(void **state)
{
	struct fixture *f = *state;

	(void)get(f, f->servers->good, "/empty");
	run_until_told(f, 1);
	assert_int_equal(f->status, 204);
	assert_int_equal(f->body_len, 0);
	assert_string_equal(f->content_type, "");
	assert_string_equal(f->reason, "");
}

static void a_redirection_is_not_followed(void **state)
{
	struct fixture *f = *state;

	(void)get(f, f->servers->good, "/redirect");
	run_until_told(f, 1);
	assert_int_equal(f->status, 302);
	assert_int_equal(f->body_len, 0);
}

static void nothing_serves_two_fetches(void **state)
{
	struct fixture *f = *state;
	unsigned int first;
	unsigned int second;

	f->plan.accept = "application/x-first";
	(void)get(f, f->servers->good, "/asked");
	run_until_told(f, 1);
	assert_int_equal(sscanf(f->body, "application/x-first|||False|%u", &first), 1);
	f->plan.accept = NULL;
	(void)get(f, f->servers->good, "/asked");
	run_until_told(f, 2);
	assert_int_equal(sscanf(f->body, "*/*|||False|%u", &second), 1);
	assert_int_not_equal(first, second);
}

static void many_at_a_time(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 10; i++)
		(void)get(f, f->servers->good, "/json");
	run_until_told(f, 10);
	assert_int_equal(f->status, 200);
}

static void through_an_interface(void **state)
{
	const struct sb_fetch_way way = { .interface = "lo" };
	struct fixture *f = *state;

	(void)snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%u/json", f->servers->good);
	assert_int_equal(sb_https_get(f->https, &f->plan, &way, on_fetched, f, &f->fetch), 0);
	run_until_told(f, 1);
	assert_string_equal(f->reason, "");
	assert_int_equal(f->status, 200);
}

/* A certificate comes down, and what is asked for goes up; and the body is what it is. */
static void what_it_costs_is_counted(void **state)
{
	struct fixture *f = *state;
	struct sb_fetch_way way = { .wire = NULL };
	struct sb_wire *wire;
	uint64_t received;

	if (!has_tcp_figures()) {
		print_message("the kernel does not tell what a connection has carried\n");
		skip();
	}
	wire = sb_wire_new();
	way.wire = wire;
	assert_non_null(wire);
	(void)snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%u/json", f->servers->good);
	assert_int_equal(sb_https_get(f->https, &f->plan, &way, on_fetched, f, &f->fetch), 0);
	run_until_told(f, 1);
	assert_int_equal(f->status, 200);
	for (unsigned int i = 0; i < PATIENCE_TURNS && wire->received == 0; i++)
		assert_true(sb_loop_turn(f->loop, TURN_USEC) >= 0);
	received = wire->received;
	assert_in_range(wire->sent, 600, 4000);
	assert_in_range(received, 1000, 8000);
	f->fetch = NULL;
	(void)snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%u/large", f->servers->good);
	assert_int_equal(sb_https_get(f->https, &f->plan, &way, on_fetched, f, &f->fetch), 0);
	run_until_told(f, 2);
	for (unsigned int i = 0; i < PATIENCE_TURNS && wire->received == received; i++)
		assert_true(sb_loop_turn(f->loop, TURN_USEC) >= 0);
	assert_true(wire->received > 2 * received);
	(void)sb_wire_unref(wire);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void a_body_has_a_bound(void **state)
{
	struct fixture *f = *state;

	(void)get(f, f->servers->good, "/large");
	run_until_told(f, 1);
	assert_int_equal(f->status, 200);
	assert_int_equal(f->body_len, 65536);
	(void)get(f, f->servers->good, "/larger");
	run_until_told(f, 2);
	assert_failed(f, "too large: at most 65536 bytes");
	assert_non_null(strstr(f->reason, "127.0.0.1:"));
	f->plan.max_len = 18;
	(void)get(f, f->servers->good, "/json");
	run_until_told(f, 3);
	assert_failed(f, "at most 18 bytes");
	f->plan.max_len = 19;
	(void)get(f, f->servers->good, "/json");
	run_until_told(f, 4);
	assert_int_equal(f->status, 200);
}

static void a_fetch_has_its_time(void **state)
{
	struct fixture *f = *state;

	f->plan.timeout_ms = 300;
	(void)get(f, f->servers->good, "/silent");
	run_until_told(f, 1);
	assert_failed(f, "within 0.3 s");
	(void)get(f, open_port(f, true), "/");
	run_until_told(f, 2);
	assert_failed(f, "within 0.3 s");
}

/* ---- failures -------------------------------------------------------------------------------- */

static void only_the_given_roots_are_trusted(void **state)
{
	struct fixture *f = *state;

	f->plan.trust = f->servers->stranger;
	f->plan.trust_len = (uint32_t)f->servers->stranger_len;
	(void)get(f, f->servers->good, "/json");
	run_until_told(f, 1);
	assert_failed(f, "is not trusted");
	f->plan.trust = f->servers->root;
	f->plan.trust_len = (uint32_t)f->servers->root_len;
	(void)get(f, f->servers->good, "/json");
	run_until_told(f, 2);
	assert_int_equal(f->status, 200);
	f->plan.trust = NULL;
	(void)get(f, f->servers->good, "/json");
	run_until_told(f, 3);
	assert_failed(f, "is not trusted");
}

static void roots_that_are_none_are_told(void **state)
{
	struct fixture *f = *state;

	f->plan.trust =
		(const uint8_t *)"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	f->plan.trust_len = (uint32_t)strlen((const char *)f->plan.trust);
	(void)get(f, f->servers->good, "/json");
	run_until_told(f, 1);
	assert_failed(f, "roots to check the certificate of 127.0.0.1:");
}

static void a_certificate_for_another_name(void **state)
{
	struct fixture *f = *state;

	(void)get(f, f->servers->other, "/json");
	run_until_told(f, 1);
	assert_failed(f, "is for another name");
}

static void a_certificate_out_of_date(void **state)
{
	struct fixture *f = *state;

	(void)get(f, f->servers->expired, "/json");
	run_until_told(f, 1);
	assert_failed(f, "check the box's clock");
}

static void nobody_listens(void **state)
{
	struct fixture *f = *state;

	(void)get(f, open_port(f, false), "/");
	run_until_told(f, 1);
	assert_failed(f, "nobody listens at 127.0.0.1:");
}

/* RFC 6761 section 6.4: no name below .invalid exists. */
static void a_name_that_does_not_exist(void **state)
{
	struct fixture *f = *state;

	f->plan.url = "https://skybus.invalid/";
	assert_int_equal(sb_https_get(f->https, &f->plan, NULL, on_fetched, f, &f->fetch), 0);
	run_until_told(f, 1);
	assert_failed(f, "skybus.invalid:443 does not resolve");
}

static void an_interface_that_does_not_exist(void **state)
{
	const struct sb_fetch_way way = { .interface = "nosuch0" };
	struct fixture *f = *state;

	(void)snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%u/json", f->servers->good);
	assert_int_equal(sb_https_get(f->https, &f->plan, &way, on_fetched, f, &f->fetch), 0);
	run_until_told(f, 1);
	assert_failed(f, "through the interface nosuch0");
}

static void what_is_no_https_url_is_refused(void **state)
{
	static const char *const urls[] = { NULL,
					    "",
					    "https://",
					    "http://127.0.0.1/",
					    "file:///etc/passwd",
					    "127.0.0.1",
					    "https://a b/",
					    "https://h:99999/" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		f->plan.url = urls[i];
		assert_int_equal(sb_https_get(f->https, &f->plan, NULL, on_fetched, f, &f->fetch),
				 -EINVAL);
	}
	run_a_while(f);
	assert_int_equal(f->told, 0);
}

/* ---- cancelling ------------------------------------------------------------------------------ */

static void a_cancelled_fetch_is_silent(void **state)
{
	struct fixture *f = *state;
	struct sb_fetch *at_once = get(f, f->servers->good, "/json");
	struct sb_fetch *midway = get(f, f->servers->good, "/silent");
	struct sb_fetch *shaking = get(f, open_port(f, true), "/");

	assert_null(sb_fetch_cancel(at_once));
	run_a_while(f);
	assert_null(sb_fetch_cancel(midway));
	assert_null(sb_fetch_cancel(shaking));
	assert_null(sb_fetch_cancel(NULL));
	run_a_while(f);
	assert_int_equal(f->told, 0);
	(void)get(f, f->servers->good, "/json");
	run_until_told(f, 1);
	assert_int_equal(f->status, 200);
}

static void a_completion_may_cancel_and_ask(void **state)
{
	struct fixture *f = *state;

	f->cancel_this = get(f, f->servers->good, "/silent");
	(void)get(f, f->servers->good, "/json");
	f->ask_again = true;
	run_until_told(f, 2);
	assert_int_equal(f->status, 200);
	f->cancel_this = get(f, f->servers->good, "/json");
	run_until_told(f, 3);
	run_a_while(f);
	assert_int_equal(f->told, 3);
}

/* A name server that is out of reach must not hold the loop when the fetch is over. */
static void a_lookup_is_not_waited_for(void **state)
{
	struct fixture *f = *state;
	struct sb_fetch *fetch = NULL;
	uint64_t begin;

	f->plan.url = "https://skybus.invalid/";
	assert_int_equal(sb_https_get(f->https, &f->plan, NULL, on_fetched, f, &fetch), 0);
	(void)sb_loop_turn(f->loop, 0);
	begin = sb_loop_now(f->loop);
	(void)sb_fetch_cancel(fetch);
	(void)sb_loop_turn(f->loop, 0);
	assert_true(sb_loop_now(f->loop) - begin < SB_USEC_PER_SEC);
	assert_int_equal(f->told, 0);
}

static void it_can_be_freed_with_fetches_under_way(void **state)
{
	struct fixture *f = *state;

	(void)get(f, f->servers->good, "/silent");
	run_a_while(f);
	(void)get(f, f->servers->good, "/json");
	f->https = sb_https_free(f->https);
	run_a_while(f);
	assert_int_equal(f->told, 0);
	assert_null(sb_https_free(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_comes_from_the_loop),
		TEST(a_part_has_its_range),
		TEST(a_refusal_is_an_answer),
		TEST(an_answer_may_be_empty),
		TEST(a_redirection_is_not_followed),
		TEST(nothing_serves_two_fetches),
		TEST(many_at_a_time),
		TEST(through_an_interface),
		TEST(what_it_costs_is_counted),
		TEST(a_body_has_a_bound),
		TEST(a_fetch_has_its_time),
		TEST(only_the_given_roots_are_trusted),
		TEST(roots_that_are_none_are_told),
		TEST(a_certificate_for_another_name),
		TEST(a_certificate_out_of_date),
		TEST(nobody_listens),
		TEST(a_name_that_does_not_exist),
		TEST(an_interface_that_does_not_exist),
		TEST(what_is_no_https_url_is_refused),
		TEST(a_cancelled_fetch_is_silent),
		TEST(a_completion_may_cancel_and_ask),
		TEST(a_lookup_is_not_waited_for),
		TEST(it_can_be_freed_with_fetches_under_way),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
