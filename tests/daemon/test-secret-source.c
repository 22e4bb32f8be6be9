/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "daemon/secret-source.h"
#include "tests/daemon/scratch.h"

#define NOBODY 65534

struct fixture {
	struct scratch scratch;
	struct sb_problems problems;
	struct sb_secret secret;
};

static const struct sb_place here = { "skybus.yaml", 7, 15 };

static int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ 0 };
	*state = &fixture;
	scratch_init(&fixture.scratch);

	return setenv("CREDENTIALS_DIRECTORY", fixture.scratch.path, 1);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	sb_secret_done(&fixture->secret);
	sb_problems_done(&fixture->problems);
	scratch_done(&fixture->scratch);

	return unsetenv("CREDENTIALS_DIRECTORY");
}

static int from_file(struct fixture *fixture, const char *name)
{
	return sb_secret_from_file(&fixture->secret, scratch_path(&fixture->scratch, name), &here,
				   &fixture->problems);
}

static int from_credential(struct fixture *fixture, const char *name)
{
	return sb_secret_from_credential(&fixture->secret, name, &here, &fixture->problems);
}

static void assert_secret(const struct fixture *fixture, const char *expected, size_t len)
{
	assert_int_equal(fixture->secret.len, len);
	assert_memory_equal(fixture->secret.data, expected, len);
	assert_int_equal(fixture->problems.n, 0);
}

/* One problem, with its place and with @words in it; nothing of the secret is kept or told. */
static void assert_refused(struct fixture *fixture, int r, const char *words)
{
	assert_int_equal(r, -EINVAL);
	assert_int_equal(fixture->problems.n, 1);
	assert_ptr_equal(strstr(fixture->problems.all[0].text, "skybus.yaml:7:15: "),
			 fixture->problems.all[0].text);
	if (!strstr(fixture->problems.all[0].text, words))
		fail_msg("\"%s\" does not say \"%s\"", fixture->problems.all[0].text, words);
	assert_null(strstr(fixture->problems.all[0].text, "hush"));
}

static void write_secret(struct fixture *fixture, const char *name, const char *text, mode_t mode)
{
	scratch_write(&fixture->scratch, name, text, strlen(text), mode);
}

static void a_private_file_is_read(void **state)
{
	write_secret(*state, "key", "hush", 0600);
	assert_int_equal(from_file(*state, "key"), 0);
	assert_secret(*state, "hush", 4);
}

static void one_newline_at_the_end_is_left_out(void **state)
{
	write_secret(*state, "key", "hush\n\n", 0400);
	assert_int_equal(from_file(*state, "key"), 0);
	assert_secret(*state, "hush\n", 5);
}

static void bytes_are_taken_as_they_are(void **state)
{
	struct fixture *fixture = *state;

	scratch_write(&fixture->scratch, "key", "\0\n\xff\0", 4, 0600);
	assert_int_equal(from_file(fixture, "key"), 0);
	assert_secret(fixture, "\0\n\xff\0", 4);
}

static void a_file_open_to_a_group_is_refused(void **state)
{
	write_secret(*state, "key", "hush", 0640);
	assert_refused(*state, from_file(*state, "key"), "(mode 0640): run chmod 600");
}

static void a_file_open_to_others_is_refused(void **state)
{
	write_secret(*state, "key", "hush", 0602);
	assert_refused(*state, from_file(*state, "key"), "(mode 0602): run chmod 600");
}

static void a_file_of_somebody_else_is_refused(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	write_secret(fixture, "key", "hush", 0600);
	assert_int_equal(chown(scratch_path(&fixture->scratch, "key"), NOBODY, NOBODY), 0);
	assert_refused(fixture, from_file(fixture, "key"), "belongs to user 65534");
}

static void a_symbolic_link_is_refused(void **state)
{
	struct fixture *fixture = *state;

	write_secret(fixture, "key", "hush", 0600);
	assert_int_equal(symlink("key", scratch_path(&fixture->scratch, "link")), 0);
	assert_refused(fixture, from_file(fixture, "link"), "is a symbolic link");
}

static void what_is_no_file_is_refused(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(mkfifo(scratch_path(&fixture->scratch, "fifo"), 0600), 0);
	assert_refused(fixture, from_file(fixture, "fifo"), "is not a regular file");
	sb_problems_done(&fixture->problems);
	assert_refused(fixture, from_file(fixture, "."), "is not a regular file");
	sb_problems_done(&fixture->problems);
	assert_refused(fixture, from_file(fixture, "none"), "No such file or directory");
}

static void a_relative_path_is_refused_and_not_repeated(void **state)
{
	struct fixture *fixture = *state;

	assert_refused(fixture,
		       sb_secret_from_file(&fixture->secret, "hush/hush", &here,
					   &fixture->problems),
		       "whole path");
}

static void an_empty_file_is_refused(void **state)
{
	write_secret(*state, "key", "\n", 0600);
	assert_refused(*state, from_file(*state, "key"), "is empty");
}

static void the_longest_secret(void **state)
{
	static char data[SB_SECRET_MAX + 1];
	struct fixture *fixture = *state;

	memset(data, 'x', sizeof(data));
	scratch_write(&fixture->scratch, "key", data, SB_SECRET_MAX, 0600);
	assert_int_equal(from_file(fixture, "key"), 0);
	assert_secret(fixture, data, SB_SECRET_MAX);
	sb_secret_done(&fixture->secret);

	scratch_write(&fixture->scratch, "key", data, SB_SECRET_MAX + 1, 0600);
	assert_refused(fixture, from_file(fixture, "key"), "more than 65536 bytes");
}

/* systemd sets an ACL on credentials, whose mask shows as the group's bits. */
static void a_credential_is_read_whatever_its_mode(void **state)
{
	write_secret(*state, "plant.secret", "hush\n", 0440);
	assert_int_equal(from_credential(*state, "plant.secret"), 0);
	assert_secret(*state, "hush", 4);
}

static void a_credential_needs_systemd(void **state)
{
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_refused(*state, from_credential(*state, "plant"), "must run under systemd");
}

static void a_credential_that_is_not_there(void **state)
{
	assert_refused(*state, from_credential(*state, "plant"), "add LoadCredential=NAME:/PATH");
}

static void a_credential_has_a_plain_name(void **state)
{
	static const char *const names[] = { "", ".", "..", "../key", "/etc/shadow", ".key" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_refused(fixture, from_credential(fixture, names[i]),
			       "is not the name of a credential");
		sb_problems_done(&fixture->problems);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_private_file_is_read),
		TEST(one_newline_at_the_end_is_left_out),
		TEST(bytes_are_taken_as_they_are),
		TEST(a_file_open_to_a_group_is_refused),
		TEST(a_file_open_to_others_is_refused),
		TEST(a_file_of_somebody_else_is_refused),
		TEST(a_symbolic_link_is_refused),
		TEST(what_is_no_file_is_refused),
		TEST(a_relative_path_is_refused_and_not_repeated),
		TEST(an_empty_file_is_refused),
		TEST(the_longest_secret),
		TEST(a_credential_is_read_whatever_its_mode),
		TEST(a_credential_needs_systemd),
		TEST(a_credential_that_is_not_there),
		TEST(a_credential_has_a_plain_name),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
