/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the app of a stream may do: all that it might when it opened the stream, for the socket can be handed
 * on. When a reload takes some of that away, the stream ends.
 */
#include "daemon/stream.h"

struct sb_access;
struct sb_identity;
struct sb_rates;
struct sb_streams;

/** struct sb_stream_rights_parts - what rights come from; all of it outlives the streams */
struct sb_stream_rights_parts {
	const struct sb_access *access;
	struct sb_rates *rates;
};

int sb_stream_rights_new(const struct sb_stream_rights_parts *parts,
			 const struct sb_identity *identity, const struct sb_interest *interest,
			 struct sb_stream_guard *ret, struct sb_error *ret_error);
void sb_stream_rights_review(struct sb_streams *streams);
