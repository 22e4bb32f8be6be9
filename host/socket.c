/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/host.h"

/* The daemon has gone: nobody is left who wants anything. What is secret goes with the memory. */
static _Noreturn void end(void)
{
	_exit(EXIT_SUCCESS);
}

/**
 * packet_begin() - begin a packet to the daemon
 * @link: the link
 * @kind: of packet
 *
 * Return: for what is in it; then packet_send() or packet_ask().
 */
struct sb_packer *packet_begin(struct skybus_link *link, enum sb_packet_kind kind)
{
	sb_packer_reset(&link->out);
	sb_pack_u32(&link->out, kind);

	return &link->out;
}

/**
 * packet_send() - send the packet that was begun
 * @link: the link; without memory for the packet, or a daemon, the process ends
 */
void packet_send(struct skybus_link *link)
{
	ssize_t n;

	if (link->out.failed)
		_exit(EXIT_FAILURE);
	do
		n = send(SB_PROCESS_SOCKET, link->out.data, link->out.len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		end();
	sb_packer_reset(&link->out);
}

static struct sb_packet *receive(void)
{
	struct sb_packet *packet = NULL;

	if (sb_packet_receive(SB_PROCESS_SOCKET, 0, &packet) < 0)
		end();

	return packet;
}

/**
 * packet_ask() - send the packet that was begun, and wait for the answer
 * @link: the link; calls that come before wait
 * @ret_answer: what is in it
 *
 * Return: the packet, the caller's; it lends @ret_answer.
 */
struct sb_packet *packet_ask(struct skybus_link *link, struct sb_unpacker *ret_answer)
{
	packet_send(link);
	for (;;) {
		struct sb_packet *packet = receive();

		*ret_answer = sb_packet_unpack(packet);
		if (sb_unpack_u32(ret_answer) == SB_PACKET_ANSWERED)
			return packet;
		TAILQ_INSERT_TAIL(&link->calls, packet, entry);
	}
}

/**
 * packet_ask_number() - the same where the answer is a number
 * @link: the link
 *
 * Return: the number.
 */
int64_t packet_ask_number(struct skybus_link *link)
{
	struct sb_unpacker in;
	struct sb_packet *packet = packet_ask(link, &in);
	int64_t number = (int64_t)sb_unpack_u64(&in);

	(void)sb_packet_free(packet);

	return number;
}

/**
 * packet_next_call() - wait for something to do
 * @link: the link
 *
 * Return: the packet, the caller's.
 */
struct sb_packet *packet_next_call(struct skybus_link *link)
{
	struct sb_packet *packet = TAILQ_FIRST(&link->calls);

	if (!packet)
		return receive();
	TAILQ_REMOVE(&link->calls, packet, entry);

	return packet;
}

/**
 * cannot() - end, and tell the daemon why
 * @link: the link
 * @why: a sentence
 */
void cannot(struct skybus_link *link, const char *why)
{
	sb_pack_text(packet_begin(link, SB_PACKET_CANNOT), why);
	packet_send(link);
	_exit(EXIT_FAILURE);
}
