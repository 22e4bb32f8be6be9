/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcoap makes its sockets itself and gives them away only once they are connected or bound. That is
 * too late for these:
 *
 * - The kernel chooses route and source address when a UDP socket is connected, and a DTLS session
 *   sends its first message in the same call. A session that is to go through one interface must be
 *   bound to that before, and one whose descriptor is too high for select() must not begin.
 * - libcoap sets SO_REUSEADDR before it binds. For UDP that lets two processes have one port, and one
 *   of them starve.
 * - What carries no DTLS needs no low descriptor, and should leave those to sessions that do.
 * - Whoever is not to be heard must not be heard from the first datagram on: libcoap keeps a session for
 *   each sender, and answers what is no CoAP with a Reset.
 *
 * libcoap has no hook there, but it calls socket(), connect() and bind() as any program does: through the
 * dynamic linker, which looks for them in the executable first. So the executable has these three. The linker
 * exports them because libcoap, which it links, wants them; they must not be hidden for that. They do
 * what struct sb_bind says, if one is in force on this thread, and then what everybody expects. A
 * thread of the C library that connects to a name server never finds one in force.
 */
#include <dlfcn.h>
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/cleanup.h"
#include "daemon/descriptor.h"
#include "daemon/transport-bind.h"
#include "daemon/transport-filter.h"

typedef int socket_fn(int domain, int type, int protocol);
typedef int address_fn(int fd, const struct sockaddr *address, socklen_t len);

/* By another name: the C library's own prototypes have a parameter that only it can spell. */
socket_fn sb_bind_socket __asm__("socket") __attribute__((visibility("default")));
address_fn sb_bind_connect __asm__("connect") __attribute__((visibility("default")));
address_fn sb_bind_bind __asm__("bind") __attribute__((visibility("default")));

static _Thread_local struct sb_bind *in_force;

static pthread_once_t resolved = PTHREAD_ONCE_INIT;
static socket_fn *next_socket;
static address_fn *next_connect;
static address_fn *next_bind;

static void resolve(void)
{
	next_socket = dlsym(RTLD_NEXT, "socket");
	next_connect = dlsym(RTLD_NEXT, "connect");
	next_bind = dlsym(RTLD_NEXT, "bind");
}

/* Returns 0 or an errno, positive. */
static int bind_to_interface(int fd, const char *interface)
{
	size_t len = strlen(interface);

	/* The kernel would cut off a name that is too long, and take an empty one for "any". */
	if (len == 0 || len >= IFNAMSIZ)
		return ENODEV;

	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)len) < 0 ? errno
											  : 0;
}

/* Likewise. */
static int prepare_way(int fd)
{
	if (in_force->fd_limit > 0 && fd >= in_force->fd_limit)
		return EMFILE;

	return in_force->interface ? bind_to_interface(fd, in_force->interface) : 0;
}

/* Likewise. */
static int prepare_port(int fd)
{
	const int no = 0;
	int error;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &no, sizeof(no)) < 0)
		return errno;
	error = in_force->interface ? bind_to_interface(fd, in_force->interface) : 0;
	if (error == 0 && in_force->from)
		error = -sb_filter_attach(fd, in_force->from);

	return error;
}

/* Likewise. */
static int count(int fd, const struct sockaddr *address)
{
	return in_force->wire ? -sb_wire_attach(in_force->wire, fd, address, in_force->secure) : 0;
}

static int refuse(int error)
{
	in_force->error = -error;
	errno = error;

	return -1;
}

/* What libraries below libcoap may connect to meanwhile, a journal or a store of keys, is local. */
static bool is_meant(const struct sockaddr *address)
{
	return in_force && (address->sa_family == AF_INET || address->sa_family == AF_INET6);
}

int sb_bind_socket(int domain, int type, int protocol)
{
	int fd;

	(void)pthread_once(&resolved, resolve);
	fd = next_socket(domain, type, protocol);
	if (fd < 0 || !in_force || in_force->secure || (domain != AF_INET && domain != AF_INET6))
		return fd;

	return sb_descriptor_move_up(fd);
}

int sb_bind_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	int error;

	(void)pthread_once(&resolved, resolve);
	if (!is_meant(address))
		return next_connect(fd, address, len);
	error = prepare_way(fd);
	if (error == 0 && next_connect(fd, address, len) < 0)
		return -1;
	if (error == 0)
		error = count(fd, address);

	return error == 0 ? 0 : refuse(error);
}

int sb_bind_bind(int fd, const struct sockaddr *address, socklen_t len)
{
	int error;

	(void)pthread_once(&resolved, resolve);
	if (!is_meant(address))
		return next_bind(fd, address, len);
	error = prepare_port(fd);
	if (error == 0 && next_bind(fd, address, len) < 0)
		error = errno;
	if (error == 0)
		error = count(fd, address);

	return error == 0 ? 0 : refuse(error);
}

/**
 * sb_bind_begin() - let a binding be in force on this thread
 * @bind: until sb_bind_end(); lent
 */
void sb_bind_begin(struct sb_bind *bind)
{
	in_force = bind;
}

/**
 * sb_bind_end() - leave this thread's sockets alone again
 */
void sb_bind_end(void)
{
	in_force = NULL;
}
