/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcoap has no counter, and to work it out from what one knows, ciphers, flights of handshakes, repetitions
 * and acknowledgements of its own, would be a second libcoap that is wrong in small things. But it sends and
 * receives as any program does: through the dynamic linker, which looks in the executable first. So these
 * functions are here, as connect() and bind() are in daemon/transport-bind.c, which says more about that.
 * They do what everybody expects, and count if the descriptor is a link's.
 *
 * Which are a link's stands in a table by descriptor, one for each thread: there is one only on the thread that
 * has the sessions. A row goes when its descriptor is closed, since the next socket with this number may be
 * anybody's.
 *
 * libcoap 4.3.1 does not tell when it sends a message again, either. But each new one of a session has a higher
 * number than those before, so one that wants an acknowledgement and has none such is sent again. With DTLS the
 * message is seen on its way to GnuTLS, which sends the record before it returns.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/wire.h"

#define UDP_HEADER 8 /* RFC 768 */
#define IPV4_HEADER 20 /* RFC 791 section 3.1, without options */
#define IPV6_HEADER 40 /* RFC 8200 section 3 */

/*
 * TCP (RFC 9293) with the timestamps that nearly every segment has (RFC 7323). The first segment of each side has
 * more options, and after close() come a FIN and its acknowledgement.
 */
#define TCP_HEADER 32
#define TCP_FIRST_OPTIONS 8
#define TCP_LAST_SEGMENTS 1

#define ROWS_MIN 64

#define COAP_HEADER 4 /* RFC 7252 section 3 */
#define COAP_VERSION_TYPE 0xf0 /* of the first byte */
#define COAP_CONFIRMABLE 0x40 /* version 1, type 0 */

typedef ssize_t send_fn(int fd, const void *data, size_t len, int flags);
typedef ssize_t recv_fn(int fd, void *data, size_t len, int flags);
typedef ssize_t sendmsg_fn(int fd, const struct msghdr *message, int flags);
typedef ssize_t recvmsg_fn(int fd, struct msghdr *message, int flags);
typedef int close_fn(int fd);
typedef ssize_t record_send_fn(void *tls, const void *data, size_t len);

/* Where time_t has been widened, programs call those of the second names. */
send_fn sb_wire_send __asm__("send") __attribute__((visibility("default")));
recv_fn sb_wire_recv __asm__("recv") __attribute__((visibility("default")));
sendmsg_fn sb_wire_sendmsg __asm__("sendmsg") __attribute__((visibility("default")));
recvmsg_fn sb_wire_recvmsg __asm__("recvmsg") __attribute__((visibility("default")));
sendmsg_fn sb_wire_sendmsg64 __asm__("__sendmsg64") __attribute__((visibility("default")));
recvmsg_fn sb_wire_recvmsg64 __asm__("__recvmsg64") __attribute__((visibility("default")));
close_fn sb_wire_close __asm__("close") __attribute__((visibility("default")));
record_send_fn sb_wire_record_send __asm__("gnutls_record_send")
	__attribute__((visibility("default")));

/**
 * struct row - a descriptor
 * @wire: NULL if it is nobody's
 * @header: what each datagram has on top
 * @stream: a TCP connection; @header is that of IP alone
 * @secure: the datagrams are records of DTLS
 * @numbered: a message that wants an acknowledgement was sent; the last new one had @number
 */
struct row {
	struct sb_wire *wire;
	size_t header;
	bool stream;
	bool secure;
	bool numbered;
	uint16_t number;
};

/** struct content - a CoAP message; none without @data */
struct content {
	const uint8_t *data;
	size_t len;
};

/** struct table - rows by descriptor; none when no row has a wire */
struct table {
	struct row *rows;
	size_t n_rows;
	size_t n_used;
};

static _Thread_local struct table table;
static _Thread_local struct content sealed; /* GnuTLS has it in hand */

static pthread_once_t resolved = PTHREAD_ONCE_INIT;
static send_fn *next_send;
static recv_fn *next_recv;
static sendmsg_fn *next_sendmsg;
static recvmsg_fn *next_recvmsg;
static sendmsg_fn *next_sendmsg64;
static recvmsg_fn *next_recvmsg64;
static close_fn *next_close;
static record_send_fn *next_record_send;

static void resolve(void)
{
	next_send = dlsym(RTLD_NEXT, "send");
	next_recv = dlsym(RTLD_NEXT, "recv");
	next_sendmsg = dlsym(RTLD_NEXT, "sendmsg");
	next_recvmsg = dlsym(RTLD_NEXT, "recvmsg");
	next_sendmsg64 = dlsym(RTLD_NEXT, "__sendmsg64");
	next_recvmsg64 = dlsym(RTLD_NEXT, "__recvmsg64");
	next_close = dlsym(RTLD_NEXT, "close");
	next_record_send = dlsym(RTLD_NEXT, "gnutls_record_send");
}

/* ---- whose a descriptor is ---- */

static struct row *find_row(int fd)
{
	if (fd < 0 || (size_t)fd >= table.n_rows || !table.rows[fd].wire)
		return NULL;

	return &table.rows[fd];
}

static int make_room(int fd)
{
	size_t n = table.n_rows > 0 ? table.n_rows : ROWS_MIN;
	struct row *rows;

	while (n <= (size_t)fd)
		n *= 2;
	if (n == table.n_rows)
		return 0;
	rows = reallocarray(table.rows, n, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	memset(rows + table.n_rows, 0, (n - table.n_rows) * sizeof(*rows));
	table.rows = rows;
	table.n_rows = n;

	return 0;
}

static void drop_row(struct row *row)
{
	row->wire = sb_wire_unref(row->wire);
	if (--table.n_used > 0)
		return;
	free(table.rows);
	table = (struct table){ 0 };
}

static size_t ip_header_of(const struct sockaddr *address)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;

	return address->sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)
		       ? IPV6_HEADER
		       : IPV4_HEADER;
}

static size_t header_of(const struct sockaddr *address)
{
	return UDP_HEADER + ip_header_of(address);
}

/* A socket that is not connected has another peer for each datagram. */
static size_t header_with(const struct row *row, const struct msghdr *message)
{
	return message->msg_name && message->msg_namelen >= sizeof(struct sockaddr_in)
		       ? header_of(message->msg_name)
		       : row->header;
}

static int attach(int fd, const struct row *row)
{
	int r;

	r = make_room(fd);
	if (r < 0)
		return r;
	(void)sb_wire_ref(row->wire);
	if (table.rows[fd].wire)
		(void)sb_wire_unref(table.rows[fd].wire);
	else
		table.n_used++;
	table.rows[fd] = *row;

	return 0;
}

/**
 * sb_wire_attach_stream() - count what a connection has carried when it is closed
 * @wire: gets a reference more
 * @fd: a TCP socket of this thread's
 *
 * Return: 0, -ENOMEM.
 */
int sb_wire_attach_stream(struct sb_wire *wire, int fd)
{
	const struct row row = { .wire = wire, .stream = true };

	return attach(fd, &row);
}

/**
 * sb_wire_attach() - count what a socket carries from now on, until it is closed
 * @wire: gets a reference more
 * @fd: a UDP socket of this thread's
 * @address: the peer, if it is connected; else any of its family
 * @secure: what it carries is DTLS, and not plain CoAP
 *
 * Return: 0, -ENOMEM.
 */
int sb_wire_attach(struct sb_wire *wire, int fd, const struct sockaddr *address, bool secure)
{
	const struct row row = {
		.wire = wire,
		.header = header_of(address),
		.secure = secure,
	};

	return attach(fd, &row);
}

/* ---- the counter ---- */

/**
 * sb_wire_new() - nothing has been carried yet
 *
 * Return: the counter, with one reference, which is the caller's; NULL without memory.
 */
struct sb_wire *sb_wire_new(void)
{
	struct sb_wire *wire = calloc(1, sizeof(*wire));

	if (wire)
		wire->refs = 1;

	return wire;
}

/**
 * sb_wire_ref() - one more wants it
 * @wire: the counter
 *
 * Return: @wire.
 */
struct sb_wire *sb_wire_ref(struct sb_wire *wire)
{
	wire->refs++;

	return wire;
}

/**
 * sb_wire_unref() - one less wants it
 * @wire: may be NULL; goes with the last reference
 *
 * Return: NULL.
 */
struct sb_wire *sb_wire_unref(struct sb_wire *wire)
{
	if (wire && --wire->refs == 0)
		free(wire);

	return NULL;
}

/* Numbers go round after 65535. */
static void note_number(struct row *row, const struct content *content)
{
	uint16_t number;

	if (content->len < COAP_HEADER ||
	    (content->data[0] & COAP_VERSION_TYPE) != COAP_CONFIRMABLE)
		return;
	number = (uint16_t)(content->data[2] << 8 | content->data[3]);
	if (row->numbered && (int16_t)(number - row->number) <= 0) {
		row->wire->repeated++;
		return;
	}
	row->numbered = true;
	row->number = number;
}

static void note_sent(struct row *row, const void *data, size_t len)
{
	const struct content plain = { .data = data, .len = len };

	row->wire->sent += row->header + len;
	note_number(row, row->secure ? &sealed : &plain);
}

static uint64_t stream_bytes(uint64_t bytes, uint64_t segments, size_t ip_header)
{
	if (segments == 0)
		return 0;

	return bytes + (segments + TCP_LAST_SEGMENTS) * (ip_header + TCP_HEADER) +
	       TCP_FIRST_OPTIONS;
}

/* All that a connection has carried, with what was sent again. */
static void note_stream(const struct row *row, int fd)
{
	struct tcp_info info = { 0 };
	socklen_t info_len = sizeof(info);
	struct sockaddr_in6 address = { 0 };
	socklen_t address_len = sizeof(address);
	size_t header;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &info_len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &address_len) < 0)
		return;
	header = ip_header_of((const struct sockaddr *)&address);
	row->wire->sent += stream_bytes(info.tcpi_bytes_sent, info.tcpi_segs_out, header);
	row->wire->received += stream_bytes(info.tcpi_bytes_received, info.tcpi_segs_in, header);
}

/* ---- in the place of the C library's, and of GnuTLS' ---- */

ssize_t sb_wire_send(int fd, const void *data, size_t len, int flags)
{
	struct row *row = find_row(fd);
	ssize_t n;

	(void)pthread_once(&resolved, resolve);
	n = next_send(fd, data, len, flags);
	if (row && n >= 0 && !row->stream)
		note_sent(row, data, (size_t)n);

	return n;
}

ssize_t sb_wire_record_send(void *tls, const void *data, size_t len)
{
	ssize_t n;

	(void)pthread_once(&resolved, resolve);
	sealed = (struct content){ .data = data, .len = len };
	n = next_record_send(tls, data, len);
	sealed = (struct content){ 0 };

	return n;
}

ssize_t sb_wire_recv(int fd, void *data, size_t len, int flags)
{
	const struct row *row = find_row(fd);
	ssize_t n;

	(void)pthread_once(&resolved, resolve);
	n = next_recv(fd, data, len, flags);
	if (row && n >= 0 && !row->stream && !(flags & MSG_PEEK))
		row->wire->received += row->header + (size_t)n;

	return n;
}

static ssize_t count_sendmsg(sendmsg_fn *next, int fd, const struct msghdr *message, int flags)
{
	const struct row *row = find_row(fd);
	ssize_t n = next(fd, message, flags);

	if (row && n >= 0 && !row->stream)
		row->wire->sent += header_with(row, message) + (size_t)n;

	return n;
}

static ssize_t count_recvmsg(recvmsg_fn *next, int fd, struct msghdr *message, int flags)
{
	const struct row *row = find_row(fd);
	ssize_t n = next(fd, message, flags);

	if (row && n >= 0 && !row->stream && !(flags & MSG_PEEK))
		row->wire->received += header_with(row, message) + (size_t)n;

	return n;
}

ssize_t sb_wire_sendmsg(int fd, const struct msghdr *message, int flags)
{
	(void)pthread_once(&resolved, resolve);

	return count_sendmsg(next_sendmsg, fd, message, flags);
}

ssize_t sb_wire_recvmsg(int fd, struct msghdr *message, int flags)
{
	(void)pthread_once(&resolved, resolve);

	return count_recvmsg(next_recvmsg, fd, message, flags);
}

ssize_t sb_wire_sendmsg64(int fd, const struct msghdr *message, int flags)
{
	(void)pthread_once(&resolved, resolve);

	return count_sendmsg(next_sendmsg64, fd, message, flags);
}

ssize_t sb_wire_recvmsg64(int fd, struct msghdr *message, int flags)
{
	(void)pthread_once(&resolved, resolve);

	return count_recvmsg(next_recvmsg64, fd, message, flags);
}

int sb_wire_close(int fd)
{
	struct row *row = find_row(fd);

	(void)pthread_once(&resolved, resolve);
	if (row && row->stream)
		note_stream(row, fd);
	if (row)
		drop_row(row);

	return next_close(fd);
}
