/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in force, and what a reload would change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/changes.h"
#include "tests/daemon/reload-fixture.h"

/* "link b changed, section store restart, " */
static char *preview(struct reload_fixture *f, char ret[256])
{
	struct sb_changes changes = { 0 };

	ret[0] = '\0';
	f->error.text[0] = '\0';
	(void)sb_reload_preview(f->reload, &changes, &f->error);
	for (size_t i = 0; i < changes.n; i++)
		(void)snprintf(ret + strlen(ret), 256 - strlen(ret), "%s %s %s, ",
			       changes.all[i].what, changes.all[i].name, changes.all[i].word);
	sb_changes_done(&changes);

	return ret;
}

static void a_preview_changes_nothing(void **state)
{
	struct reload_fixture *f = *state;
	struct sb_link *b;
	char text[256];

	reload_start(f,
		     "links:\n" RELOAD_LINK("a", "p") RELOAD_LINK("b", "p") RELOAD_LINK("c", "p"));
	b = sb_gateway_find(f->gateway, "b");
	assert_string_equal(preview(f, text), "");
	reload_write(f,
		     "store: {sync: normal}\nlinks:\n" RELOAD_LINK("d", "p") RELOAD_LINK("a", "p")
			     RELOAD_LINK("b", "q") "routes: [{match: x, to: {link: a}}]\n");
	for (int i = 0; i < 2; i++)
		assert_string_equal(preview(f, text),
				    "link d added, link b changed, link c removed, "
				    "section store restart, section routes changed, ");
	assert_string_equal(f->error.text, "");
	reload_expect_links(f, "a b c ");
	assert_ptr_equal(sb_gateway_find(f->gateway, "b"), b);
	reload_run(f);
	reload_expect_links(f, "d a b ");
	/* What waits for a restart goes on waiting. */
	assert_string_equal(preview(f, text), "section store restart, ");
}

static void a_preview_finds_what_is_wrong(void **state)
{
	struct reload_fixture *f = *state;
	char text[256];

	reload_start(f, "links:\n" RELOAD_LINK("a", "p"));
	reload_write(f, "links:\n" RELOAD_LINK("a", "q") "    port: many\n");
	assert_string_equal(preview(f, text), "");
	assert_int_equal(f->error.code, SB_ERROR_INVALID_CONFIGURATION);
	assert_non_null(strstr(f->error.text, "a reload would change nothing, for the "
					      "configuration has 1 error: "));
	assert_non_null(strstr(f->error.text, "port \"many\" is "));
}

static void what_is_in_force_is_printed(void **state)
{
	struct reload_fixture *f = *state;
	char *text = NULL;

	reload_start(f, "links:\n" RELOAD_LINK("a", "p") RELOAD_LINK("b", "p"));
	reload_write(f, "store: {sync: normal}\ncallers: {streams: 3}\n"
			"links:\n" RELOAD_LINK("b", "p") RELOAD_LINK("a", "q"));
	reload_run(f);
	reload_write(f, "");
	assert_int_equal(sb_reload_print(f->reload, &text), 0);
	assert_non_null(strstr(text, "sync: full\n"));
	assert_non_null(strstr(text, "streams: 3\n"));
	assert_non_null(strstr(text, "product: q\n"));
	assert_true(strstr(text, "\n  b:\n") < strstr(text, "\n  a:\n"));
	assert_null(strstr(text, "hush"));
	free(text);
}

/* Another way to the same bytes: the link stays, and people see the new one. */
static void where_a_secret_comes_from_is_new(void **state)
{
	struct reload_fixture *f = *state;
	struct sb_link *a;
	char *text = NULL;

	reload_start(f, "links:\n" RELOAD_LINK("a", "p"));
	a = sb_gateway_find(f->gateway, "a");
	scratch_text(&f->scratch, "other", "hush\n");
	reload_write(f, "links:\n  a: {plugin: good, host: localhost, product: p, "
			"device_secret: {credential: other}}\n");
	reload_run(f);
	assert_ptr_equal(sb_gateway_find(f->gateway, "a"), a);
	assert_int_equal(sb_reload_print(f->reload, &text), 0);
	assert_non_null(strstr(text, "device_secret: {credential: other}\n"));
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, reload_setup, reload_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_preview_changes_nothing),
		TEST(a_preview_finds_what_is_wrong),
		TEST(what_is_in_force_is_printed),
		TEST(where_a_secret_comes_from_is_new),
	};

	return cmocka_run_group_tests(tests, reload_group_setup, reload_group_teardown);
}
