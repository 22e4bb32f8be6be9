/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An app at full speed on a stream, docs/stream.md: publishes messages, at most UNSETTLED of them
 * waiting for the cloud, and ends when the cloud has acknowledged all. Prints messages a second. Where the
 * payload has LOAD_MARK in it, the messages are numbered from FIRST on.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "tests/bench/load-bus.h"
#include "tests/bench/load.h"

#define UNSETTLED 512
#define PATIENCE_MS 30000

#define SERVICE "io.skybus.Gateway1"
#define LINK SERVICE ".Link"

/* docs/stream.md, the fields used here */
#define FRAME_MAX 131072
#define TOPIC_MAX 512
#define PAYLOAD_MAX 65536
#define PUBLISH 1
#define PUBLISH_HEAD 24
#define PRIORITY_NORMAL 1
#define NO_FORMAT UINT32_MAX
#define HELLO 128
#define TICKET 129
#define SETTLED 131
#define DELIVERED 2

SB_DEFINE_CLEANUP(sd_bus *, sd_bus_flush_close_unref)
SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

/** struct app - how far it has come */
struct app {
	int fd;
	const uint8_t *frame; /* the one that is sent again and again, with another number */
	char *mark;
	size_t first;
	size_t length;
	size_t wanted;
	size_t sent;
	size_t settled;
	bool full; /* the socket */
};

static int open_stream(const char *address, const char *path)
{
	SB_CLEANUP(sd_bus_flush_close_unref) sd_bus *bus = NULL;
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	int fd, r;

	r = load_bus_open(address, &bus);
	if (r >= 0)
		r = sd_bus_call_method(bus, SERVICE, path, LINK, "OpenStream", NULL, &reply,
				       "sa{ss}", "", 0);
	if (r >= 0)
		r = sd_bus_message_read(reply, "h", &fd);
	if (r < 0)
		return r;

	/* The message owns its descriptor. */
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return fd < 0 ? -errno : fd;
}

/* The tag is left 0: every TICKET is as good as another here. */
static size_t make_frame(uint8_t *frame, const char *topic, const char *payload)
{
	uint32_t format = htole32(NO_FORMAT);
	uint16_t topic_length = htole16((uint16_t)strlen(topic));

	memset(frame, 0, PUBLISH_HEAD);
	frame[0] = PUBLISH;
	frame[1] = PRIORITY_NORMAL;
	memcpy(frame + 16, &format, sizeof(format));
	memcpy(frame + 20, &topic_length, sizeof(topic_length));
	memcpy(frame + PUBLISH_HEAD, topic, strlen(topic));
	memcpy(frame + PUBLISH_HEAD + strlen(topic), payload, strlen(payload));

	return PUBLISH_HEAD + strlen(topic) + strlen(payload);
}

static bool may_send(const struct app *app)
{
	return app->sent < app->wanted && app->sent - app->settled < UNSETTLED;
}

static int send_frames(struct app *app)
{
	app->full = false;
	while (may_send(app) && !app->full) {
		load_number(app->mark, app->first + app->sent);
		if (send(app->fd, app->frame, app->length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			app->sent++;
		else if (errno == EAGAIN)
			app->full = true;
		else
			return -errno;
	}

	return 0;
}

static int receive_frames(struct app *app)
{
	static uint8_t frame[FRAME_MAX];
	ssize_t n;

	while ((n = recv(app->fd, frame, sizeof(frame), MSG_DONTWAIT)) > 0) {
		if (frame[0] == SETTLED && frame[1] == DELIVERED) {
			app->settled++;
		} else if (frame[0] != HELLO && frame[0] != TICKET) {
			(void)fprintf(stderr, "stream: frame %d, %.*s\n", frame[0],
				      (int)(n > 16 ? n - 16 : 0), (const char *)frame + 16);
			return -EBADE;
		}
	}
	if (n == 0)
		return -ECONNRESET;

	return errno == EAGAIN ? 0 : -errno;
}

static int run(struct app *app)
{
	int r = send_frames(app);

	while (r >= 0 && app->settled < app->wanted) {
		struct pollfd poll_fd = {
			.fd = app->fd,
			.events = (short)(POLLIN | (app->full ? POLLOUT : 0)),
		};

		r = poll(&poll_fd, 1, PATIENCE_MS);
		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0)
			return -errno;
		r = receive_frames(app);
		if (r >= 0)
			r = send_frames(app);
	}

	return r;
}

int main(int argc, char **argv)
{
	static uint8_t frame[FRAME_MAX];
	struct app app = {
		.frame = frame,
		.first = argc == 7 ? strtoul(argv[5], NULL, 10) : 0,
		.wanted = argc == 7 ? strtoul(argv[6], NULL, 10) : 0,
	};
	double begun;
	int r;

	if (app.wanted == 0 || app.wanted > LOAD_MESSAGES_MAX || strlen(argv[3]) > TOPIC_MAX ||
	    strlen(argv[4]) > PAYLOAD_MAX) {
		(void)fprintf(stderr,
			      "usage: stream ADDRESS LINK-PATH TOPIC PAYLOAD FIRST MESSAGES\n");
		return EXIT_FAILURE;
	}
	app.length = make_frame(frame, argv[3], argv[4]);
	app.mark = load_find_mark((char *)frame + app.length - strlen(argv[4]));
	app.fd = open_stream(argv[1], argv[2]);
	begun = load_now();
	r = app.fd < 0 ? app.fd : run(&app);
	if (r < 0)
		(void)fprintf(stderr, "stream: %s after %zu of %zu messages\n", strerror(-r),
			      app.settled, app.wanted);
	else
		(void)printf("%.1f\n", (double)app.wanted * 1e6 / (load_now() - begun));
	if (app.fd >= 0)
		(void)close(app.fd);

	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
