/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A service manager that only listens, sd_notify(3). Include <cmocka.h> before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/daemon/scratch.h"

struct notices {
	struct sockaddr_un address;
	int fd;
	char text[1024]; /* the last one */
};

static inline void notices_init(struct notices *notices, struct scratch *scratch)
{
	*notices = (struct notices){ .address = { .sun_family = AF_UNIX } };
	strcpy(notices->address.sun_path, scratch_path(scratch, "notify"));
	notices->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(notices->fd >= 0);
	assert_int_equal(bind(notices->fd, (const struct sockaddr *)&notices->address,
			      sizeof(notices->address)),
			 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", notices->address.sun_path, 1), 0);
}

static inline void notices_done(struct notices *notices)
{
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_int_equal(unlink(notices->address.sun_path), 0);
	assert_int_equal(close(notices->fd), 0);
}

/* The next one, or "" for none. */
static inline const char *notices_next(struct notices *notices)
{
	ssize_t n = recv(notices->fd, notices->text, sizeof(notices->text) - 1, MSG_DONTWAIT);

	notices->text[n > 0 ? n : 0] = '\0';

	return notices->text;
}

static inline void notices_expect(struct notices *notices, const char *text)
{
	assert_string_equal(notices_next(notices), text);
}

static inline void notices_expect_begin(struct notices *notices, const char *begin)
{
	if (strncmp(notices_next(notices), begin, strlen(begin)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", notices->text, begin);
}
