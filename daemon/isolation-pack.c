/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/isolation-pack.h"

/* Text that is not there, NULL. */
#define NO_TEXT UINT32_MAX

#define SIZE_MIN 1024

/* ---- into bytes ---- */

/**
 * sb_packer_reset() - begin another packet
 * @out: empty afterwards; its room stays
 */
void sb_packer_reset(struct sb_packer *out)
{
	if (out->data)
		explicit_bzero(out->data, out->len);
	out->len = 0;
	out->failed = false;
}

/**
 * sb_packer_done() - give its room back
 * @out: empty afterwards, and good for another packet
 */
void sb_packer_done(struct sb_packer *out)
{
	sb_packer_reset(out);
	free(out->data);
	*out = (struct sb_packer){ 0 };
}

/* Not realloc(), which leaves what was there to whoever comes next. */
static bool make_room(struct sb_packer *out, size_t more)
{
	size_t size = out->size > 0 ? out->size : SIZE_MIN;
	uint8_t *data;

	if (more > SB_PACKET_MAX || out->len + more > SB_PACKET_MAX)
		return false;
	if (out->len + more <= out->size)
		return true;
	while (size < out->len + more)
		size *= 2;
	data = malloc(size);
	if (!data)
		return false;
	if (out->data) {
		memcpy(data, out->data, out->len);
		explicit_bzero(out->data, out->len);
		free(out->data);
	}
	out->data = data;
	out->size = size;

	return true;
}

static void put(struct sb_packer *out, const void *data, size_t len)
{
	if (out->failed || !make_room(out, len)) {
		out->failed = true;
		return;
	}
	if (len > 0)
		memcpy(out->data + out->len, data, len);
	out->len += len;
}

/**
 * sb_pack_u32() - a number
 * @out: the packet
 * @value: the number
 */
void sb_pack_u32(struct sb_packer *out, uint32_t value)
{
	put(out, &value, sizeof(value));
}

/**
 * sb_pack_u64() - a larger number
 * @out: the packet
 * @value: the number
 */
void sb_pack_u64(struct sb_packer *out, uint64_t value)
{
	put(out, &value, sizeof(value));
}

/**
 * sb_pack_text() - text, with the zero byte at its end
 * @out: the packet
 * @text: NULL comes out as NULL
 */
void sb_pack_text(struct sb_packer *out, const char *text)
{
	if (!text) {
		sb_pack_u32(out, NO_TEXT);
		return;
	}
	sb_pack_bytes(out, text, strlen(text) + 1);
}

/**
 * sb_pack_bytes() - bytes
 * @out: the packet
 * @data: @len bytes; may be NULL when there are none
 * @len: how many
 */
void sb_pack_bytes(struct sb_packer *out, const void *data, size_t len)
{
	if (len > SB_PACKET_MAX) {
		out->failed = true;
		return;
	}
	sb_pack_u32(out, (uint32_t)len);
	put(out, data, len);
}

/**
 * sb_pack_all() - all that is in another packet
 * @out: the packet
 * @other: the other one
 */
void sb_pack_all(struct sb_packer *out, const struct sb_packer *other)
{
	put(out, other->data, other->len);
	out->failed |= other->failed;
}

/* ---- out of bytes ---- */

/* NULL when there are not so many left. */
static uint8_t *take(struct sb_unpacker *in, size_t len)
{
	uint8_t *data = in->data;

	if (in->bad || len > in->len) {
		in->bad = true;
		return NULL;
	}
	in->data += len;
	in->len -= len;

	return data;
}

/**
 * sb_unpack_u32() - a number
 * @in: the packet
 *
 * Return: the number; 0 if there is none.
 */
uint32_t sb_unpack_u32(struct sb_unpacker *in)
{
	const uint8_t *data = take(in, sizeof(uint32_t));
	uint32_t value = 0;

	if (data)
		memcpy(&value, data, sizeof(value));

	return value;
}

/**
 * sb_unpack_u64() - a larger number
 * @in: the packet
 *
 * Return: the number; 0 if there is none.
 */
uint64_t sb_unpack_u64(struct sb_unpacker *in)
{
	const uint8_t *data = take(in, sizeof(uint64_t));
	uint64_t value = 0;

	if (data)
		memcpy(&value, data, sizeof(value));

	return value;
}

/**
 * sb_unpack_text() - text
 * @in: the packet
 *
 * Return: the text, lent with the packet; NULL if that is what was packed, or there is none.
 */
char *sb_unpack_text(struct sb_unpacker *in)
{
	uint32_t size = sb_unpack_u32(in);
	char *text;

	if (in->bad || size == NO_TEXT)
		return NULL;
	text = (char *)take(in, size);
	if (text && size > 0 && memchr(text, '\0', size) == text + size - 1)
		return text;
	in->bad = true;

	return NULL;
}

/**
 * sb_unpack_bytes() - bytes
 * @in: the packet
 * @ret_len: how many
 *
 * Return: the bytes, lent with the packet; NULL when there are none.
 */
const uint8_t *sb_unpack_bytes(struct sb_unpacker *in, uint32_t *ret_len)
{
	uint32_t len = sb_unpack_u32(in);
	const uint8_t *data = take(in, len);

	*ret_len = data ? len : 0;

	return *ret_len > 0 ? data : NULL;
}

/**
 * sb_unpack_ended() - was that all of it?
 * @in: the packet
 *
 * Return: whether all that was read was there, and nothing is left.
 */
bool sb_unpack_ended(const struct sb_unpacker *in)
{
	return !in->bad && in->len == 0;
}

/* ---- through a socket ---- */

/**
 * sb_packet_new() - keep a packet
 * @data: @len bytes, copied
 * @len: how many
 *
 * Return: the packet, the caller's; NULL without memory.
 */
struct sb_packet *sb_packet_new(const void *data, size_t len)
{
	struct sb_packet *packet = malloc(sizeof(*packet) + len);

	if (!packet)
		return NULL;
	packet->len = len;
	memcpy(packet->data, data, len);

	return packet;
}

/**
 * sb_packet_free() - wipe a packet and free it
 * @packet: may be NULL
 *
 * Return: NULL.
 */
struct sb_packet *sb_packet_free(struct sb_packet *packet)
{
	if (packet)
		explicit_bzero(packet->data, packet->len);
	free(packet);

	return NULL;
}

/**
 * sb_packet_unpack() - look into a packet
 * @packet: lends what is in it
 *
 * Return: all of it.
 */
struct sb_unpacker sb_packet_unpack(struct sb_packet *packet)
{
	return (struct sb_unpacker){ .data = packet->data, .len = packet->len };
}

/**
 * sb_packet_receive() - take the next packet from a socket; descriptors that come with it are not taken
 * @fd: SOCK_SEQPACKET
 * @flags: of recv(2)
 * @ret: the packet, the caller's
 *
 * Return: 0; -EAGAIN when there is none; -ECONNRESET when the other side has gone; -EMSGSIZE for one that is too
 * large; -ENOMEM, and it is lost; or what else recv() says.
 */
int sb_packet_receive(int fd, int flags, struct sb_packet **ret)
{
	/* Of its pages only those are ever there that a packet has filled. */
	static uint8_t scratch[SB_PACKET_MAX];
	struct sb_packet *packet;
	ssize_t n;

	do
		n = recv(fd, scratch, sizeof(scratch), flags | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	if ((size_t)n > sizeof(scratch))
		return -EMSGSIZE;
	packet = sb_packet_new(scratch, (size_t)n);
	explicit_bzero(scratch, (size_t)n);
	if (!packet)
		return -ENOMEM;
	*ret = packet;

	return 0;
}
