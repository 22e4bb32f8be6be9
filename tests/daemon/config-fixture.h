/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SB_TESTS_CONFIG_FIXTURE_H
#define SB_TESTS_CONFIG_FIXTURE_H
/*
 * A directory with a configuration, the plugins "good" and "small", and what was read of it. A
 * credential is there, "key".
 */
#include "daemon/config.h"
#include "tests/daemon/scratch.h"

/* A link without fault, to which the tests add some. */
#define GOOD_LINK(name)         \
	"  " name ":\n"         \
	"    plugin: good\n"    \
	"    host: localhost\n" \
	"    product: p\n"      \
	"    device_secret: {credential: key}\n"

#define CONFIG_TEST(name) \
	cmocka_unit_test_setup_teardown(name, config_fixture_setup, config_fixture_teardown)

/** struct config_fixture - the files, and what the last reading gave */
struct config_fixture {
	struct scratch scratch;
	struct sb_plugins *plugins;
	struct sb_problems problems;
	struct sb_config *config; /* NULL if there is none */
	char main_path[128];
};

int config_fixture_group_setup(void **state);
int config_fixture_group_teardown(void **state);
int config_fixture_setup(void **state);
int config_fixture_teardown(void **state);

/** config_fixture_put() - write a file; @file: its path below the directory */
void config_fixture_put(struct config_fixture *fixture, const char *file, const char *text);

/** config_fixture_read() - read @text as the main file; as sb_config_read() */
int config_fixture_read(struct config_fixture *fixture, const char *text);

/** config_fixture_read_again() - read the files as they are; as sb_config_read() */
int config_fixture_read_again(struct config_fixture *fixture);

/** config_fixture_assert_problem() - problem @i is @sentence, behind the path of the directory */
void config_fixture_assert_problem(const struct config_fixture *fixture, size_t i,
				   const char *sentence);

/** config_fixture_assert_clean() - there is no problem, nor a warning */
void config_fixture_assert_clean(const struct config_fixture *fixture);

/** config_fixture_assert_wrong_link() - there is one link, and @sentence is why it cannot start */
void config_fixture_assert_wrong_link(const struct config_fixture *fixture, const char *sentence);

#endif
