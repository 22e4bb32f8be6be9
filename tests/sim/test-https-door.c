/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door, with a stranger in front of it: Python's own HTTP and TLS.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/cleanup.h"
#include "sim/http.h"
#include "sim/https-door.h"

#define PATIENCE_USEC (30 * SIM_USEC_PER_SEC)

/*
 * argv: port, file of the CA, method, path, body, then names and values of headers. What it prints:
 * the status, what the headers say, the body.
 */
#define STRANGER                                                                                   \
	"import http.client, ssl, sys\n"                                                           \
	"port, ca, method, path, body, *headers = sys.argv[1:]\n"                                  \
	"context = ssl.create_default_context(cafile=ca)\n"                                        \
	"door = http.client.HTTPSConnection('127.0.0.1', int(port), context=context)\n"            \
	"for _ in range(2):\n"                                                                     \
	"    door.request(method, path, body or None, dict(zip(headers[::2], headers[1::2])))\n"   \
	"    reply = door.getresponse()\n"                                                         \
	"    text = reply.read().decode()\n"                                                       \
	"print(reply.status, reply.getheader('Content-Type'), reply.getheader('Content-Range'),\n" \
	"      reply.getheader('Allow'), text, end='')\n"

struct fixture {
	sd_event *event;
	struct sim_authority *authority;
	struct sim_address address;
	struct sim_cloud cloud;
	struct sim_house house;
	struct sim_https_door *door;
	char ca[32];
	unsigned int n_fetches;
	char heard[512];
	char said[SIM_HTTP_BODY_MAX + 256];
	size_t said_len;
	bool is_done;
};

static struct fixture *fixture_of(struct sim_cloud *cloud)
{
	return sim_container_of(cloud, struct fixture, cloud);
}

static void cloud_fetch(struct sim_cloud *cloud, const struct sim_http_request *request,
			struct sim_http_reply *reply)
{
	struct fixture *fixture = fixture_of(cloud);

	fixture->n_fetches++;
	assert_true(request->now > 0);
	assert_int_equal(strncmp(request->peer, "127.0.0.1:", 10), 0);
	(void)snprintf(fixture->heard, sizeof(fixture->heard), "%s|%s|%s", request->path,
		       request->accept, request->range);
	if (strcmp(request->path, "/nothing") == 0)
		return;
	reply->status = *request->range ? 206 : 200;
	reply->content_type = "text/csv";
	if (*request->range)
		(void)strcpy(reply->content_range, "bytes 0-3/8");
	reply->body_len = strcmp(request->path, "/long") == 0 ? SIM_HTTP_BODY_MAX : 4;
	memset(reply->body, 'x', reply->body_len);
}

static const struct sim_cloud_type type = { .name = "test", .fetch = cloud_fetch };

static int setup(void **state)
{
	static struct fixture fixture;
	int fd;

	fixture = (struct fixture){ .cloud.type = &type, .ca = "/tmp/test-https-door-XXXXXX" };
	fixture.house.cloud = &fixture.cloud;
	*state = &fixture;
	fd = mkstemp(fixture.ca);
	if (fd < 0 || close(fd) < 0 || sd_event_new(&fixture.event) < 0 ||
	    sim_address_parse("127.0.0.1", &fixture.address) < 0 ||
	    sim_authority_new(&fixture.address, &fixture.authority) < 0 ||
	    sim_authority_write_ca(fixture.authority, fixture.ca) < 0)
		return -1;

	return sim_https_door_new(fixture.event, &fixture.house, fixture.authority,
				  &fixture.address, &fixture.door);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	fixture->door = sim_https_door_free(fixture->door);
	fixture->authority = sim_authority_free(fixture->authority);
	fixture->event = sd_event_unref(fixture->event);

	return unlink(fixture->ca);
}

static int stranger_on_output(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct fixture *fixture = userdata;
	size_t room = sizeof(fixture->said) - fixture->said_len - 1;
	ssize_t len = read(fd, fixture->said + fixture->said_len, room);

	(void)events;
	if (len > 0) {
		fixture->said_len += (size_t)len;
		fixture->said[fixture->said_len] = '\0';
		return 0;
	}
	fixture->is_done = true;

	return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

/* Asks twice over one connection; @rest: method, path, body and headers, quoted for a shell. */
static const char *ask(struct fixture *fixture, const char *ca, const char *rest)
{
	sd_event_source *output = NULL;
	char command[4096];
	FILE *stranger;

	fixture->said_len = 0;
	fixture->said[0] = '\0';
	fixture->is_done = false;
	(void)snprintf(command, sizeof(command), "python3 -c \"%s\" %u %s %s 2>/dev/null", STRANGER,
		       sim_address_port(&fixture->address), ca, rest);
	stranger = popen(command, "re");
	assert_non_null(stranger);
	assert_true(sd_event_add_io(fixture->event, &output, fileno(stranger), EPOLLIN,
				    stranger_on_output, fixture) >= 0);
	while (!fixture->is_done)
		assert_true(sd_event_run(fixture->event, PATIENCE_USEC) > 0);
	(void)sd_event_source_disable_unref(output);
	(void)pclose(stranger);

	return fixture->said;
}

static void test_get(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(ask(fixture, fixture->ca, "GET '/a/b?c=d' '' Accept text/csv"),
			    "200 text/csv None None xxxx");
	assert_string_equal(fixture->heard, "/a/b|text/csv|");
	assert_int_equal(fixture->n_fetches, 2);
}

static void test_range(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(ask(fixture, fixture->ca, "GET / '' Range bytes=0-3"),
			    "206 text/csv bytes 0-3/8 None xxxx");
	assert_string_equal(fixture->heard, "/||bytes=0-3");
}

static void test_not_found(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(ask(fixture, fixture->ca, "GET /nothing ''"), "404 None None None ");
}

static void test_longest_body(void **state)
{
	struct fixture *fixture = *state;
	const char *said = ask(fixture, fixture->ca, "GET /long ''");

	assert_int_equal(strlen(said), strlen("200 text/csv None None ") + SIM_HTTP_BODY_MAX);
}

static void test_other_methods(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(ask(fixture, fixture->ca, "POST / body"), "405 None None GET ");
	assert_string_equal(ask(fixture, fixture->ca, "DELETE / ''"), "405 None None GET ");
	assert_int_equal(fixture->n_fetches, 0);
}

/* The system's roots do not vouch for it. */
static void test_stranger_without_ca(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(ask(fixture, "/etc/ssl/certs/ca-certificates.crt", "GET / ''"), "");
	assert_int_equal(fixture->n_fetches, 0);
}

static void test_port_is_taken(void **state)
{
	struct fixture *fixture = *state;
	struct sim_https_door *second = NULL;

	assert_int_equal(sim_https_door_new(fixture->event, &fixture->house, fixture->authority,
					    &fixture->address, &second),
			 -EADDRINUSE);
	assert_null(second);
}

static void test_closed_and_opened_again(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(ask(fixture, fixture->ca, "GET / ''"), "200 text/csv None None xxxx");
	fixture->door = sim_https_door_free(fixture->door);
	assert_string_equal(ask(fixture, fixture->ca, "GET / ''"), "");
	assert_int_equal(sim_https_door_new(fixture->event, &fixture->house, fixture->authority,
					    &fixture->address, &fixture->door),
			 0);
	assert_string_equal(ask(fixture, fixture->ca, "GET / ''"), "200 text/csv None None xxxx");
}

#define DOOR_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DOOR_TEST(test_get),	       DOOR_TEST(test_range),
		DOOR_TEST(test_not_found),     DOOR_TEST(test_longest_body),
		DOOR_TEST(test_other_methods), DOOR_TEST(test_stranger_without_ca),
		DOOR_TEST(test_port_is_taken), DOOR_TEST(test_closed_and_opened_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
