/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of events, and whether systemd/skybus.catalog says of each of them what it means and what to do.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/event.h"

#define ID_LEN 32
#define TODO "What to do: "

/** struct entry - one of the catalog; line numbers for people */
struct entry {
	char name[64]; /* the comment above it */
	char id[64];
	unsigned int line;
	char subject[256];
	char defined_by[64];
	char text[4096]; /* with the subject, as fields are replaced in both */
	bool in_text;
};

static struct entry entries[2 * SB_EVENTS_N];
static size_t n_entries;

/* ---- the table ---- */

static void names_are_words_and_unique(void **state)
{
	(void)state;
	for (size_t i = 0; i < SB_EVENTS_N; i++) {
		const char *name = sb_events[i].name;

		assert_true(strlen(name) > 3);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(name, sb_events[j].name);
	}
}

/* As systemd-id128(1) makes them: 128 random bits, but for the version (4) and the variant of RFC 4122. */
static void ids_are_random_and_unique(void **state)
{
	(void)state;
	for (size_t i = 0; i < SB_EVENTS_N; i++) {
		const char *id = sb_events[i].id;

		assert_int_equal(strlen(id), ID_LEN);
		assert_int_equal(strspn(id, "0123456789abcdef"), ID_LEN);
		assert_int_equal(id[12], '4');
		assert_non_null(strchr("89ab", id[16]));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(id, sb_events[j].id);
	}
}

/* An event is for people, so it is never a matter of debugging, nor of details. */
static void levels_are_those_of_events(void **state)
{
	(void)state;
	for (size_t i = 0; i < SB_EVENTS_N; i++)
		assert_in_range(sb_events[i].level, LOG_CRIT, LOG_NOTICE);
}

static void a_field_is_always_there_or_sometimes(void **state)
{
	(void)state;
	for (size_t i = 0; i < SB_EVENTS_N; i++) {
		assert_int_equal(sb_events[i].always & sb_events[i].sometimes, 0);
		assert_true((sb_events[i].always | sb_events[i].sometimes) < 1u << SB_FIELDS_N);
	}
}

/* sd_journal_send(3): capital letters, digits and underscores, no underscore first. */
static void fields_are_good_names(void **state)
{
	struct sb_fields fields;

	(void)state;
	for (size_t i = 0; i < SB_FIELDS_N; i++) {
		assert_memory_equal(sb_field_names[i], "SKYBUS_", strlen("SKYBUS_"));
		assert_int_equal(strspn(sb_field_names[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"),
				 strlen(sb_field_names[i]));
		assert_string_not_equal(sb_field_names[i], "SKYBUS_EVENT");
	}
	fields = (struct sb_fields){ .link = "first", .version = "last" };
	assert_string_equal(sb_field_value(&fields, SB_FIELD_INDEX_LINK), "first");
	assert_string_equal(sb_field_value(&fields, SB_FIELD_INDEX_VERSION), "last");
	assert_null(sb_field_value(&fields, SB_FIELD_INDEX_CODE));
}

/* ---- the catalog ---- */

static void copy(char *to, size_t size, const char *from)
{
	assert_true(strlen(from) < size);
	memcpy(to, from, strlen(from) + 1);
}

static void append(char *text, size_t size, const char *more)
{
	size_t len = strlen(text);

	assert_true(len + strlen(more) + 2 < size);
	(void)snprintf(text + len, size - len, "%s\n", more);
}

static bool take_header(struct entry *entry, const char *line)
{
	static const char subject[] = "Subject: ";
	static const char defined_by[] = "Defined-By: ";

	if (strncmp(line, subject, strlen(subject)) == 0) {
		copy(entry->subject, sizeof(entry->subject), line + strlen(subject));
		append(entry->text, sizeof(entry->text), entry->subject);
	} else if (strncmp(line, defined_by, strlen(defined_by)) == 0) {
		copy(entry->defined_by, sizeof(entry->defined_by), line + strlen(defined_by));
	} else {
		return false;
	}

	return true;
}

static void take_line(const char *line, unsigned int number, char comment[64])
{
	struct entry *entry = n_entries > 0 ? &entries[n_entries - 1] : NULL;

	if (line[0] == '#') {
		(void)snprintf(comment, 64, "%.63s", line[1] ? line + 2 : "");
	} else if (strncmp(line, "-- ", 3) == 0) {
		assert_true(n_entries < sizeof(entries) / sizeof(entries[0]));
		entry = &entries[n_entries++];
		*entry = (struct entry){ .line = number };
		copy(entry->name, sizeof(entry->name), comment);
		copy(entry->id, sizeof(entry->id), line + 3);
	} else if (!*line) {
		if (entry)
			entry->in_text = true;
	} else if (entry && entry->in_text) {
		append(entry->text, sizeof(entry->text), line);
	} else if (!entry || !take_header(entry, line)) {
		fail_msg("line %u: \"%s\" belongs to nothing", number, line);
	}
}

static int read_catalog(void **state)
{
	const char *root = getenv("SKYBUS_SOURCE_ROOT");
	char path[4096];
	char line[1024];
	char comment[64] = "";
	unsigned int number = 0;
	FILE *file;

	(void)state;
	assert_non_null(root);
	(void)snprintf(path, sizeof(path), "%s/systemd/skybus.catalog", root);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		assert_true(strlen(line) <= 120);
		take_line(line, ++number, comment);
	}
	(void)fclose(file);

	return 0;
}

static const struct entry *find_entry(const char *id)
{
	const struct entry *found = NULL;

	for (size_t i = 0; i < n_entries; i++) {
		if (strcmp(entries[i].id, id) != 0)
			continue;
		if (found)
			fail_msg("%s is there twice", id);
		found = &entries[i];
	}

	return found;
}

static const struct sb_event_row *find_row(const char *id)
{
	for (size_t i = 0; i < SB_EVENTS_N; i++)
		if (strcmp(sb_events[i].id, id) == 0)
			return &sb_events[i];

	return NULL;
}

static void each_event_has_one_entry_and_no_other_is_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < SB_EVENTS_N; i++) {
		const struct entry *entry = find_entry(sb_events[i].id);

		if (!entry)
			fail_msg("%s has no entry %s", sb_events[i].name, sb_events[i].id);
		assert_string_equal(entry->name, sb_events[i].name);
	}
	for (size_t i = 0; i < n_entries; i++)
		if (!find_row(entries[i].id))
			fail_msg("line %u: no event has the number %s", entries[i].line,
				 entries[i].id);
	assert_int_equal(n_entries, SB_EVENTS_N);
}

static size_t words(const char *text)
{
	size_t n = 0;

	for (const char *at = text; *at; at++)
		n += !isspace((unsigned char)*at) && (at == text || isspace((unsigned char)at[-1]));

	return n;
}

/* Two paragraphs at least: what it means, and then what to do. */
static void each_entry_says_what_it_means_and_what_to_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_entries; i++) {
		const struct entry *entry = &entries[i];
		const char *todo = strstr(entry->text, "\n" TODO);

		if (words(entry->subject) < 3)
			fail_msg("%s has no subject", entry->name);
		assert_string_equal(entry->defined_by, "skybus");
		if (!todo || words(todo) < 4)
			fail_msg("%s does not say what to do", entry->name);
		if (strstr(todo + 1, TODO) != todo + 1 || strstr(todo + 2, TODO))
			fail_msg("%s says twice what to do", entry->name);
		if ((size_t)(todo - entry->text) < strlen(entry->subject) + 40)
			fail_msg("%s does not say what it means", entry->name);
		assert_true(strlen(TODO "nothing.") <= strlen(todo + 1));
	}
}

/* journalctl(1) puts the name of a field that is not there into the text. */
static void check_fields(const struct entry *entry, const struct sb_event_row *row)
{
	const char *at = entry->text;

	while ((at = strchr(at, '@'))) {
		size_t len = strcspn(++at, "@");
		bool good = false;

		for (size_t i = 0; i < SB_FIELDS_N; i++)
			good |= row->always & 1u << i && strlen(sb_field_names[i]) == len &&
				strncmp(sb_field_names[i], at, len) == 0;
		if (!good)
			fail_msg("%s names the field @%.*s@, which the event does not always have",
				 row->name, (int)len, at);
		at += len + 1;
	}
}

static void an_entry_names_fields_that_the_event_has(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < n_entries; i++) {
		check_fields(&entries[i], find_row(entries[i].id));
		n += strstr(entries[i].text, "@SKYBUS_LINK@") != NULL;
	}
	assert_true(n > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_words_and_unique),
		cmocka_unit_test(ids_are_random_and_unique),
		cmocka_unit_test(levels_are_those_of_events),
		cmocka_unit_test(a_field_is_always_there_or_sometimes),
		cmocka_unit_test(fields_are_good_names),
		cmocka_unit_test(each_event_has_one_entry_and_no_other_is_there),
		cmocka_unit_test(each_entry_says_what_it_means_and_what_to_do),
		cmocka_unit_test(an_entry_names_fields_that_the_event_has),
	};

	return cmocka_run_group_tests(tests, read_catalog, NULL);
}
