/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>

#include <cmocka.h>

#include "tests/daemon/fake-netlink.h"

/** struct datagram - what a socket has for its reader: bytes, or an error */
struct datagram {
	STAILQ_ENTRY(datagram) entry;
	int error; /* positive */
	size_t len;
	uint8_t bytes[];
};

/* All sockets are one: of two, one only asks. */
struct mnl_socket {
	int fd;
};

struct fake_netlink fake_netlink;

static STAILQ_HEAD(, datagram) waiting = STAILQ_HEAD_INITIALIZER(waiting);

static struct mnl_socket one = { .fd = -1 };

static void forget_first(void)
{
	struct datagram *first = STAILQ_FIRST(&waiting);

	STAILQ_REMOVE_HEAD(&waiting, entry);
	free(first);
}

void fake_netlink_reset(void)
{
	assert_int_equal(fake_netlink.opened, 0);
	while (!STAILQ_EMPTY(&waiting))
		forget_first();
	fake_netlink = (struct fake_netlink){ 0 };
}

static void add(const void *bytes, size_t len, int error)
{
	struct datagram *datagram = malloc(sizeof(*datagram) + len);

	assert_non_null(datagram);
	datagram->error = error;
	datagram->len = len;
	if (len > 0)
		memcpy(datagram->bytes, bytes, len);
	STAILQ_INSERT_TAIL(&waiting, datagram, entry);
	if (one.fd >= 0)
		assert_int_equal(eventfd_write(one.fd, 1), 0);
}

/* For the next read that finds nothing before it. */
void fake_netlink_tell(const void *datagram, size_t len)
{
	add(datagram, len, 0);
}

void fake_netlink_fail(int error)
{
	add(NULL, 0, error);
}

/* ---- in place of libmnl ---- */

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	(void)flags;
	assert_int_equal(bus, NETLINK_ROUTE);
	if (fake_netlink.open_error > 0) {
		errno = fake_netlink.open_error;
		return NULL;
	}
	if (fake_netlink.opened++ == 0)
		one.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(one.fd >= 0);

	return &one;
}

int mnl_socket_close(struct mnl_socket *socket)
{
	assert_ptr_equal(socket, &one);
	if (--fake_netlink.opened == 0) {
		assert_int_equal(close(one.fd), 0);
		one.fd = -1;
	}

	return 0;
}

int mnl_socket_bind(struct mnl_socket *socket, unsigned int groups, pid_t pid)
{
	assert_ptr_equal(socket, &one);
	assert_int_equal(pid, MNL_SOCKET_AUTOPID);
	fake_netlink.groups = groups;
	errno = fake_netlink.bind_error;

	return fake_netlink.bind_error > 0 ? -1 : 0;
}

int mnl_socket_get_fd(const struct mnl_socket *socket)
{
	return socket->fd;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *request, size_t len)
{
	assert_ptr_equal(socket, &one);
	assert_true(len <= sizeof(fake_netlink.sent));
	memcpy(fake_netlink.sent, request, len);
	fake_netlink.sent_len = len;
	errno = fake_netlink.send_error;

	return fake_netlink.send_error > 0 ? -1 : (ssize_t)len;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size)
{
	struct datagram *first = STAILQ_FIRST(&waiting);
	eventfd_t count;
	ssize_t len;

	if (!first) {
		(void)eventfd_read(socket->fd, &count);
		errno = EAGAIN;
		return -1;
	}
	fake_netlink.reads++;
	assert_true(first->len <= size);
	memcpy(buffer, first->bytes, first->len);
	errno = first->error;
	len = first->error > 0 ? -1 : (ssize_t)first->len;
	forget_first();

	return len;
}
