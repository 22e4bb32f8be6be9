/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long an app waits for a cloud's answer, beside what the message bus alone costs: calls of
 * Request at a running daemon and calls of an echo service, in turns on one connection, one at a
 * time. Machines are noisy, so it is the ratio of the two that counts.
 *
 * The echo service is a child of ours, with the signature of Request, so that both carry the same.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cleanup.h"

#define WARM_UP 200
#define MEASURED 5000
#define MEASURED_MAX 1000000
#define ANSWER_TIMEOUT_S 10
#define NAME_SIZE 64

SB_DEFINE_CLEANUP(sd_bus *, sd_bus_flush_close_unref)
SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

/** struct target - what is called, and how long it took each time, ns */
struct target {
	const char *name;
	const char *service;
	const char *path;
	const char *interface;
	uint64_t *took;
};

static int fail(const char *what, int error)
{
	(void)fprintf(stderr, "roundtrip: %s: %s\n", what, strerror(-error));

	return error;
}

static int connect_to(const char *address, sd_bus **ret)
{
	SB_CLEANUP(sd_bus_flush_close_unref) sd_bus *bus = NULL;
	int r;

	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, true);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		return fail("cannot connect to the bus", r);

	*ret = SB_STEAL(bus);

	return 0;
}

/* ---- the echo service, in a process of its own ---- */

static int echo_on_request(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	const char *topic;
	const char *text;
	uint32_t timeout_s;
	int r;

	(void)userdata;
	(void)error;
	r = sd_bus_message_read(call, "ssu", &topic, &text, &timeout_s);
	if (r < 0)
		return r;
	r = sd_bus_message_new_method_return(call, &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_append(reply, "s", "2.04");
	if (r < 0)
		return r;
	r = sd_bus_message_append_array(reply, 'y', text, strlen(text));
	if (r < 0)
		return r;

	return sd_bus_send(NULL, reply, NULL);
}

static const sd_bus_vtable echo_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Request", "ssu", "say", echo_on_request, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

/* Tells its unique name once it can be called; ends with its parent. */
static int echo_serve(const char *address, const struct target *echo, int tell_fd)
{
	SB_CLEANUP(sd_bus_flush_close_unref) sd_bus *bus = NULL;
	const char *name;
	int r;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	r = connect_to(address, &bus);
	if (r < 0)
		return r;
	r = sd_bus_add_object_vtable(bus, NULL, echo->path, echo->interface, echo_vtable, NULL);
	if (r < 0)
		return r;
	r = sd_bus_get_unique_name(bus, &name);
	if (r < 0)
		return r;
	if (write(tell_fd, name, strlen(name) + 1) < 0)
		return -errno;
	while ((r = sd_bus_process(bus, NULL)) >= 0)
		if (r == 0)
			(void)sd_bus_wait(bus, UINT64_MAX);

	return r;
}

/* The pipe's end in the parent is closed on every way out; a child that fails closes the other. */
static int echo_start(const char *address, const struct target *echo, char *ret_name, pid_t *ret)
{
	int ends[2];
	ssize_t n;
	pid_t child;

	if (pipe(ends) < 0)
		return -errno;
	child = fork();
	if (child == 0)
		_exit(echo_serve(address, echo, ends[1]) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
	(void)close(ends[1]);
	n = child > 0 ? read(ends[0], ret_name, NAME_SIZE - 1) : -1;
	(void)close(ends[0]);
	if (child < 0)
		return -EAGAIN;

	ret_name[n > 0 ? n : 0] = '\0';
	*ret = child;

	return n > 0 ? 0 : -ECONNREFUSED;
}

static void echo_stop(pid_t child)
{
	if (child <= 0)
		return;

	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
}

/* ---- measuring ---- */

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);

	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int call_once(sd_bus *bus, const struct target *target, const char *topic, const char *text)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	const char *code = "";
	int r;

	r = sd_bus_call_method(bus, target->service, target->path, target->interface, "Request",
			       &error, &reply, "ssu", topic, text, (uint32_t)ANSWER_TIMEOUT_S);
	if (r >= 0)
		r = sd_bus_message_read_basic(reply, 's', &code);
	if (r < 0)
		(void)fprintf(stderr, "roundtrip: %s: %s\n", target->name,
			      error.message ? error.message : strerror(-r));
	else if (code[0] != '2')
		(void)fprintf(stderr, "roundtrip: %s answered %s\n", target->name, code);
	sd_bus_error_free(&error);

	return r < 0 ? r : code[0] == '2' ? 0 : -EBADE;
}

static int measure(sd_bus *bus, struct target targets[2], size_t n, char **arguments)
{
	for (size_t i = 0; i < WARM_UP + n; i++) {
		for (size_t j = 0; j < 2; j++) {
			uint64_t begun = now_ns();
			int r = call_once(bus, &targets[j], arguments[0], arguments[1]);

			if (r < 0)
				return r;
			if (i >= WARM_UP)
				targets[j].took[i - WARM_UP] = now_ns() - begun;
		}
	}

	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static double percentile_us(const struct target *target, size_t n, unsigned int percent)
{
	return (double)target->took[(n - 1) * percent / 100] / 1000;
}

static void report(const struct target targets[2], size_t n)
{
	(void)printf("%-20s %10s %10s\n", "", "p50 us", "p99 us");
	for (size_t i = 0; i < 2; i++) {
		qsort(targets[i].took, n, sizeof(*targets[i].took), compare_numbers);
		(void)printf("%-20s %10.1f %10.1f\n", targets[i].name,
			     percentile_us(&targets[i], n, 50), percentile_us(&targets[i], n, 99));
	}
	(void)printf("%-20s %10.2f\n", "ratio of p50",
		     percentile_us(&targets[1], n, 50) / percentile_us(&targets[0], n, 50));
}

static int run(const char *address, struct target targets[2], size_t n, char **arguments)
{
	SB_CLEANUP(sd_bus_flush_close_unref) sd_bus *bus = NULL;
	char name[NAME_SIZE];
	pid_t child = 0;
	int r;

	r = echo_start(address, &targets[0], name, &child);
	if (r < 0)
		(void)fail("the echo service does not start", r);
	targets[0].service = name;
	if (r >= 0)
		r = connect_to(address, &bus);
	if (r >= 0)
		r = measure(bus, targets, n, arguments);
	echo_stop(child);
	if (r >= 0)
		report(targets, n);

	return r;
}

int main(int argc, char **argv)
{
	size_t n = argc > 5 ? strtoul(argv[5], NULL, 10) : MEASURED;
	struct target targets[2] = {
		{ .name = "bus alone (echo)",
		  .path = "/io/skybus/Echo",
		  .interface = "io.skybus.Echo" },
		{ .name = "Link.Request",
		  .service = "io.skybus.Gateway1",
		  .interface = "io.skybus.Gateway1.Link" },
	};
	int r = -ENOMEM;

	if (argc < 5 || argc > 6 || n == 0 || n > MEASURED_MAX) {
		(void)fprintf(stderr, "usage: roundtrip ADDRESS LINK-PATH TOPIC PAYLOAD [CALLS]\n");
		return EXIT_FAILURE;
	}
	targets[1].path = argv[2];
	for (size_t i = 0; i < 2; i++)
		targets[i].took = calloc(n, sizeof(*targets[i].took));
	if (targets[0].took && targets[1].took)
		r = run(argv[1], targets, n, argv + 3);
	for (size_t i = 0; i < 2; i++)
		free(targets[i].took);

	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
