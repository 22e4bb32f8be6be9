/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/event.h"

const struct sb_event_row sb_events[SB_EVENTS_N] = {
#define EVENT_ROW(constant, name, id, level, always, sometimes) \
	[constant] = { (name), (id), (level), (always), (sometimes) },
	SB_EVENTS(EVENT_ROW)
#undef EVENT_ROW
};

const char *const sb_field_names[SB_FIELDS_N] = {
#define FIELD_NAME(name, member, field) [SB_FIELD_INDEX_##name] = (field),
	SB_FIELDS(FIELD_NAME)
#undef FIELD_NAME
};

static const size_t offsets[SB_FIELDS_N] = {
#define FIELD_OFFSET(name, member, field) \
	[SB_FIELD_INDEX_##name] = offsetof(struct sb_fields, member),
	SB_FIELDS(FIELD_OFFSET)
#undef FIELD_OFFSET
};

/**
 * sb_field_value() - one of the fields
 * @fields: of an event
 * @index: below SB_FIELDS_N
 *
 * Return: its text, lent; NULL for none.
 */
const char *sb_field_value(const struct sb_fields *fields, size_t index)
{
	return *(const char *const *)(const void *)((const char *)fields + offsets[index]);
}
