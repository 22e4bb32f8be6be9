/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "daemon/access.h"
#include "daemon/cleanup.h"
#include "daemon/identity.h"
#include "daemon/rate.h"
#include "daemon/stream-rights.h"
#include "daemon/streams.h"

/** struct rights - of one stream, whose guard they are */
struct rights {
	struct sb_stream_rights_parts parts;
	struct sb_identity identity; /* of who opened it */
	struct sb_grant *grant; /* as it was then */
	bool counted; /* among the user's streams */
};

static struct rights *rights_free(struct rights *rights)
{
	if (!rights)
		return NULL;

	if (rights->counted)
		sb_rates_close_stream(rights->parts.rates, rights->identity.uid);
	(void)sb_grant_free(rights->grant);
	sb_identity_done(&rights->identity);
	free(rights);

	return NULL;
}

SB_DEFINE_CLEANUP(struct rights *, rights_free)
SB_DEFINE_CLEANUP(struct sb_grant *, sb_grant_free)

static void guard_free(void *userdata)
{
	(void)rights_free(userdata);
}

/* Whoever is too fast is not refused, but slowed down. */
static int charge(const struct rights *rights, struct sb_stream *stream, size_t bytes,
		  struct sb_error *ret_error)
{
	uint64_t wait_usec;
	int r;

	r = sb_rates_charge(rights->parts.rates, rights->identity.uid, 1, bytes, &wait_usec,
			    ret_error);
	if (r == 0 && wait_usec > 0)
		sb_stream_pause(stream, wait_usec);

	return r;
}

static int guard_permit(void *userdata, struct sb_stream *stream, const struct sb_message *message,
			struct sb_error *ret_error)
{
	const struct rights *rights = userdata;
	int r;

	r = sb_grant_publish(rights->grant, sb_link_name(stream->link), message->topic, ret_error);

	return r < 0 ? r : charge(rights, stream, sb_message_size(message), ret_error);
}

static int guard_permit_answer(void *userdata, struct sb_stream *stream, const char *topic,
			       size_t payload_len, struct sb_error *ret_error)
{
	const struct rights *rights = userdata;
	int r;

	r = sb_grant_answer(rights->grant, sb_link_name(stream->link), topic, ret_error);

	return r < 0 ? r : charge(rights, stream, payload_len, ret_error);
}

static int check_interest(const struct rights *rights, const struct sb_interest *interest,
			  struct sb_error *ret_error)
{
	if (*interest->filter == '\0')
		return 0;

	return sb_grant_subscribe(rights->grant, interest->link, interest->filter, ret_error);
}

/**
 * sb_stream_rights_new() - what an app may do with a stream that it is about to open
 * @parts: copied
 * @identity: who it is; copied
 * @interest: what it wants to get; its filter is "" for nothing
 * @ret: a guard for the stream; if that is not opened, its free() is to be called
 * @ret_error: why it may not have the stream
 *
 * Return: 0; -EPERM; -ENOBUFS when it has too many; -EIO without memory.
 */
int sb_stream_rights_new(const struct sb_stream_rights_parts *parts,
			 const struct sb_identity *identity, const struct sb_interest *interest,
			 struct sb_stream_guard *ret, struct sb_error *ret_error)
{
	SB_CLEANUP(rights_free) struct rights *rights = calloc(1, sizeof(*rights));
	int r;

	if (!rights || sb_identity_copy(&rights->identity, identity) < 0 ||
	    sb_grant_new(parts->access, identity, &rights->grant) < 0)
		return sb_error_set(ret_error, SB_ERROR_FAILED, "no memory for a stream");
	rights->parts = *parts;
	r = check_interest(rights, interest, ret_error);
	if (r < 0)
		return r;
	r = sb_rates_open_stream(parts->rates, identity->uid, ret_error);
	if (r < 0)
		return r;
	rights->counted = true;
	*ret = (struct sb_stream_guard){ guard_permit, guard_permit_answer, guard_free,
					 SB_STEAL(rights) };

	return 0;
}

static bool still_stands(void *userdata, const struct sb_stream *stream)
{
	SB_CLEANUP(sb_grant_free) struct sb_grant *now = NULL;
	const struct rights *rights = stream->guard.userdata;

	(void)userdata;
	if (stream->guard.permit != guard_permit)
		return true;

	return sb_grant_new(rights->parts.access, &rights->identity, &now) == 0 &&
	       sb_grant_covers(now, rights->grant);
}

/**
 * sb_stream_rights_review() - other rules hold: streams that might do more end
 * @streams: all of them
 */
void sb_stream_rights_review(struct sb_streams *streams)
{
	struct sb_error why;

	(void)sb_error_set(&why, SB_ERROR_NOT_PERMITTED,
			   "the section access has changed, and the user of this stream may do "
			   "less than when it was opened: open it again for what is left");
	sb_streams_close_unless(streams, still_stands, NULL, &why);
}
