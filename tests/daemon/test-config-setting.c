/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/daemon/config-fixture.h"

/* ---- secrets ---- */

static void read_secret(struct config_fixture *fixture, const char *secret)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
		       "links:\n"
		       "  plant:\n"
		       "    plugin: good\n"
		       "    host: localhost\n"
		       "    product: p\n"
		       "    device_secret: %s\n",
		       secret);
	assert_int_equal(config_fixture_read(fixture, text), 0);
}

static void assert_secret(const struct config_fixture *fixture, const char *expected)
{
	const uint8_t *secret;
	size_t len;

	assert_null(fixture->config->links[0]->wrong);
	secret = sb_settings_secret(fixture->config->links[0]->own, "device_secret", &len);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(secret, expected, len);
}

static void a_secret_may_be_inline_with_a_warning(void **state)
{
	struct config_fixture *fixture = *state;

	read_secret(fixture, "hushhush");
	assert_secret(fixture, "hushhush");
	assert_int_equal(fixture->problems.n, 1);
	assert_int_equal(fixture->problems.n_errors, 0);
	config_fixture_assert_problem(fixture, 0,
				      "skybus.yaml:6:20: device_secret is written here, ");
	assert_null(strstr(fixture->problems.all[0].text, "hush"));
}

static void a_secret_may_come_from_a_file(void **state)
{
	struct config_fixture *fixture = *state;
	char secret[256];

	scratch_write(&fixture->scratch, "etc/private", "hushhush\n", 9, 0600);
	(void)snprintf(secret, sizeof(secret), "{file: %s/etc/private}", fixture->scratch.path);
	read_secret(fixture, secret);
	config_fixture_assert_clean(fixture);
	assert_secret(fixture, "hushhush");

	assert_int_equal(chmod(scratch_path(&fixture->scratch, "etc/private"), 0644), 0);
	read_secret(fixture, secret);
	config_fixture_assert_problem(fixture, 0, "skybus.yaml:6:27: ");
	config_fixture_assert_wrong_link(fixture, "is open to others (mode 0644): run chmod 600");
}

static void wrong_secrets(void **state)
{
	static const struct {
		const char *secret;
		const char *sentence;
	} wrong[] = {
		{ "", "6:5: device_secret has no value: write {credential" },
		{ "\"\"", "6:20: device_secret is shorter than the least, 1 byte" },
		{ "[hushhush]", "6:20: device_secret is a list: write {credential" },
		{ "{}", "6:20: device_secret must come from one source: write {credential" },
		{ "{credential: key, file: /x}", "6:20: device_secret must come from one source" },
		{ "{hushhush: key}", "6:20: device_secret must come from one source" },
		{ "{credential: [key]}", "6:33: credential is a list: write the name" },
		{ "{credential: nothing}", "6:33: there is no credential of this name" },
		{ "{file: hushhush}", "6:27: the file of a secret must be named with its whole" },
		{ "\"hush\\0hush\"", "6:20: device_secret has a zero byte in it" },
	};
	struct config_fixture *fixture = *state;
	char sentence[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		size_t error = 0;

		read_secret(fixture, wrong[i].secret);
		while (error < fixture->problems.n &&
		       fixture->problems.all[error].event != SB_EVENT_CONFIG_WRONG)
			error++;
		(void)snprintf(sentence, sizeof(sentence), "skybus.yaml:%s", wrong[i].sentence);
		config_fixture_assert_problem(fixture, error, sentence);
		config_fixture_assert_wrong_link(fixture, wrong[i].sentence);
		for (size_t j = 0; j < fixture->problems.n; j++)
			assert_null(strstr(fixture->problems.all[j].text, "hush"));
	}
}

/* ---- files ---- */

static void read_root(struct config_fixture *fixture, const char *path)
{
	char text[PATH_MAX + 512];

	(void)snprintf(text, sizeof(text), "links:\n" GOOD_LINK("plant") "    root_ca: %s\n", path);
	assert_int_equal(config_fixture_read(fixture, text), 0);
}

static void assert_root(const struct config_fixture *fixture, const char *expected)
{
	const uint8_t *content;
	size_t len;

	config_fixture_assert_clean(fixture);
	content = sb_settings_secret(fixture->config->links[0]->own, "root_ca", &len);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(content, expected, len);
}

static void a_file_is_read_whoever_may_read_it(void **state)
{
	struct config_fixture *fixture = *state;
	char path[128];

	scratch_write(&fixture->scratch, "etc/root.pem", "PEM\n", 4, 0666);
	(void)snprintf(path, sizeof(path), "%s/etc/root.pem", fixture->scratch.path);
	read_root(fixture, path);
	assert_root(fixture, "PEM\n");
	/* /etc/ssl/certs is full of links. */
	assert_int_equal(symlink("root.pem", scratch_path(&fixture->scratch, "etc/link.pem")), 0);
	read_root(fixture, fixture->scratch.joined);
	assert_root(fixture, "PEM\n");
}

static void assert_root_refused(struct config_fixture *fixture, const char *name, const char *why)
{
	char path[128], sentence[256];

	(void)snprintf(path, sizeof(path), "%s/etc/%s", fixture->scratch.path, name);
	read_root(fixture, path);
	(void)snprintf(sentence, sizeof(sentence),
		       "skybus.yaml:7:14: root_ca: cannot read %s: %s: check the path", path, why);
	config_fixture_assert_problem(fixture, 0, sentence);
	config_fixture_assert_wrong_link(fixture, "root_ca: cannot read");
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
	struct config_fixture *fixture = *state;
	static char big[64 * 1024 + 1];

	memset(big, 'x', sizeof(big));
	scratch_write(&fixture->scratch, "etc/big", big, sizeof(big), 0644);
	scratch_text(&fixture->scratch, "etc/empty", "");
	assert_int_equal(mkfifo(scratch_path(&fixture->scratch, "etc/fifo"), 0666), 0);
	assert_root_refused(fixture, "none", "No such file or directory");
	assert_root_refused(fixture, ".", "it is not a regular file");
	assert_root_refused(fixture, "fifo", "it is not a regular file");
	assert_root_refused(fixture, "empty", "it is empty");
	assert_root_refused(fixture, "big", "it has more than 65536 bytes");
	read_root(fixture, "root.pem");
	config_fixture_assert_problem(
		fixture, 0,
		"skybus.yaml:7:14: root_ca: \"root.pem\" does not begin with /: write the "
		"whole path of the file");
	read_root(fixture, "[a]");
	config_fixture_assert_problem(fixture, 0,
				      "skybus.yaml:7:14: root_ca is a list: write the whole path");
}

static void networks_and_the_interface_are_checked(void **state)
{
	struct config_fixture *fixture = *state;
	struct sb_link_config *link;

	assert_int_equal(config_fixture_read(
				 fixture, "links:\n" GOOD_LINK(
						  "plant") "    interface: wwan0\n"
							   "    allow_from: 10.0.0.0/8 fd00::/8\n"),
			 0);
	config_fixture_assert_clean(fixture);
	link = fixture->config->links[0];
	assert_string_equal(sb_settings_text(link->common, "interface"), "wwan0");
	assert_string_equal(sb_settings_text(link->own, "allow_from"), "10.0.0.0/8 fd00::/8");
	assert_int_equal(config_fixture_read(
				 fixture, "links:\n" GOOD_LINK(
						  "plant") "    interface: an-interface-too-long\n"
							   "    allow_from: 10.0.0.0/99\n"),
			 0);
	config_fixture_assert_problem(
		fixture, 0, "skybus.yaml:7:16: interface is longer than the most, 15 bytes");
	config_fixture_assert_problem(
		fixture, 1,
		"skybus.yaml:8:17: allow_from \"10.0.0.0/99\" is not a list of networks: "
		"write at most 16 networks with blanks between them, such as 10.0.0.0/8 fd00::/8");
	assert_int_equal(config_fixture_read(fixture, "links:\n" GOOD_LINK("plant")), 0);
	assert_null(sb_settings_text(fixture->config->links[0]->common, "interface"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONFIG_TEST(a_secret_may_be_inline_with_a_warning),
		CONFIG_TEST(a_secret_may_come_from_a_file),
		CONFIG_TEST(wrong_secrets),
		CONFIG_TEST(a_file_is_read_whoever_may_read_it),
		CONFIG_TEST(a_file_that_cannot_be_read_is_told),
		CONFIG_TEST(networks_and_the_interface_are_checked),
	};

	return cmocka_run_group_tests(tests, config_fixture_group_setup,
				      config_fixture_group_teardown);
}
