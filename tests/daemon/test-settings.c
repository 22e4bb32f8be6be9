/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/settings.h"

static const struct skybus_setting rows[] = {
	{ .key = "host", .kind = SKYBUS_HOST, .flags = SKYBUS_REQUIRED, .help = "The cloud." },
	{ .key = "port", .kind = SKYBUS_PORT, .fallback = "5683", .help = "Its port." },
	{ .key = "product", .kind = SKYBUS_TEXT, .flags = SKYBUS_REQUIRED, .help = "Its key." },
	{ .key = "note", .kind = SKYBUS_TEXT, .help = "Anything." },
	{ .key = "sign_iv",
	  .kind = SKYBUS_TEXT,
	  .fallback = "543yhjy97ae7fyfg",
	  .min = 16,
	  .max = 16,
	  .help = "For signing." },
	{ .key = "secret", .kind = SKYBUS_SECRET, .flags = SKYBUS_REQUIRED, .help = "Yours." },
	{ .key = "key", .kind = SKYBUS_SECRET, .min = 4, .max = 8, .help = "Another." },
	{ .key = "lifetime",
	  .kind = SKYBUS_DURATION,
	  .fallback = "1h",
	  .min = 30,
	  .max = 86400,
	  .help = "Of a login." },
	{ .key = "age", .kind = SKYBUS_DURATION, .help = "Any." },
	{ .key = "retries", .kind = SKYBUS_INTEGER, .help = "Any." },
	{ .key = "level", .kind = SKYBUS_INTEGER, .min = -5, .max = 5, .help = "A few." },
	{ .key = "compress", .kind = SKYBUS_BOOLEAN, .fallback = "no", .help = "Whether to." },
	{ .key = "quota", .kind = SKYBUS_SIZE, .help = "Any." },
	{ .key = "queue",
	  .kind = SKYBUS_SIZE,
	  .fallback = "64M",
	  .min = 1024,
	  .max = INT64_C(1) << 40,
	  .help = "Some." },
	{ .key = "sync",
	  .kind = SKYBUS_CHOICE,
	  .choices = "full|normal",
	  .fallback = "full",
	  .help = "How." },
	{ .key = "root", .kind = SKYBUS_FILE, .help = "A certificate." },
	{ .key = "from", .kind = SKYBUS_NETWORKS, .fallback = "10.0.0.0/8", .help = "Who." },
};

struct fixture {
	struct sb_settings *settings;
	struct sb_problems problems;
};

static const struct sb_place here = { "skybus.yaml", 7, 15 };

static int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ 0 };
	*state = &fixture;

	return sb_settings_new(rows, SB_ELEMENTS(rows), &fixture.settings);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	fixture->settings = sb_settings_free(fixture->settings);
	sb_problems_done(&fixture->problems);

	return 0;
}

static int set(struct fixture *fixture, const char *key, const char *text)
{
	return sb_settings_set(fixture->settings, key, text, &here, &fixture->problems);
}

static void takes(struct fixture *fixture, const char *key, const char *text, int64_t value)
{
	if (set(fixture, key, text) < 0)
		fail_msg("%s", fixture->problems.all[fixture->problems.n - 1].text);
	assert_int_equal(sb_settings_integer(fixture->settings, key), value);
}

/* The sentence, without its place. */
static void refuses(struct fixture *fixture, const char *key, const char *text,
		    const char *sentence)
{
	static const char place[] = "skybus.yaml:7:15: ";
	size_t n = fixture->problems.n;

	if (set(fixture, key, text) == 0)
		fail_msg("%s: \"%s\" was taken", key, text);
	assert_int_equal(fixture->problems.n, n + 1);
	assert_memory_equal(fixture->problems.all[n].text, place, strlen(place));
	if (sentence)
		assert_string_equal(fixture->problems.all[n].text + strlen(place), sentence);
}

/* ---- kinds ---- */

static void begins_with_the_defaults(void **state)
{
	struct fixture *fixture = *state;
	size_t len = 1;

	assert_int_equal(sb_settings_integer(fixture->settings, "port"), 5683);
	assert_int_equal(sb_settings_integer(fixture->settings, "lifetime"), 3600);
	assert_int_equal(sb_settings_integer(fixture->settings, "queue"), 64 << 20);
	assert_string_equal(sb_settings_text(fixture->settings, "sync"), "full");
	assert_string_equal(sb_settings_text(fixture->settings, "sign_iv"), "543yhjy97ae7fyfg");

	assert_null(sb_settings_text(fixture->settings, "host"));
	assert_int_equal(sb_settings_integer(fixture->settings, "age"), 0);
	assert_null(sb_settings_secret(fixture->settings, "secret", &len));
	assert_int_equal(len, 0);
}

static void lends_only_what_is_of_the_kind(void **state)
{
	struct fixture *fixture = *state;
	size_t len;

	assert_null(sb_settings_text(fixture->settings, "port"));
	assert_int_equal(sb_settings_integer(fixture->settings, "sign_iv"), 0);
	assert_null(sb_settings_secret(fixture->settings, "sign_iv", &len));
	assert_null(sb_settings_text(fixture->settings, "nothing"));
	assert_int_equal(sb_settings_integer(fixture->settings, "nothing"), 0);
	assert_null(sb_settings_row(fixture->settings, "nothing"));
	assert_ptr_equal(sb_settings_row(fixture->settings, "port"), &rows[1]);
}

static void durations(void **state)
{
	struct fixture *fixture = *state;

	takes(fixture, "age", "90", 90);
	takes(fixture, "age", "90s", 90);
	takes(fixture, "age", "15m", 900);
	takes(fixture, "age", "1h30m", 5400);
	takes(fixture, "age", "7d", 604800);
	takes(fixture, "age", "1d1h1m1s", 90061);
	takes(fixture, "age", "0", 0);

	refuses(fixture, "age", "soon",
		"age \"soon\" is not a duration: write a duration, such as 1h");
	refuses(fixture, "age", "", NULL);
	refuses(fixture, "age", "h", NULL);
	refuses(fixture, "age", "-5", NULL);
	refuses(fixture, "age", "1h30", NULL);
	refuses(fixture, "age", "1m1h", NULL);
	refuses(fixture, "age", "1h1h", NULL);
	refuses(fixture, "age", "1.5h", NULL);
	refuses(fixture, "age", "1w", NULL);
	refuses(fixture, "age", "106751991167301d", NULL);
	refuses(fixture, "age", "106751991167300d9223372036854775807s", NULL);
	assert_int_equal(sb_settings_integer(fixture->settings, "age"), 0);

	takes(fixture, "lifetime", "30s", 30);
	takes(fixture, "lifetime", "1d", 86400);
	refuses(fixture, "lifetime", "5s",
		"lifetime \"5s\" is below the least, 30s: write a duration from 30s to 1d, such as "
		"1h");
	refuses(fixture, "lifetime", "1d1s",
		"lifetime \"1d1s\" is above the most, 1d: write a duration from 30s to 1d, such as "
		"1h");
	assert_int_equal(sb_settings_integer(fixture->settings, "lifetime"), 86400);
}

static void sizes(void **state)
{
	struct fixture *fixture = *state;

	takes(fixture, "quota", "512", 512);
	takes(fixture, "quota", "64K", 65536);
	takes(fixture, "quota", "64k", 65536);
	takes(fixture, "quota", "5MB", 5 << 20);
	takes(fixture, "quota", "5mb", 5 << 20);
	takes(fixture, "quota", "1G", 1 << 30);
	takes(fixture, "quota", "2T", INT64_C(2) << 40);

	refuses(fixture, "quota", "much",
		"quota \"much\" is not a size: write a size in bytes, such as 64K");
	refuses(fixture, "quota", "5 M", NULL);
	refuses(fixture, "quota", "M", NULL);
	refuses(fixture, "quota", "5MM", NULL);
	refuses(fixture, "quota", "-1", NULL);
	refuses(fixture, "quota", "8388608T", NULL);

	refuses(fixture, "queue", "1000",
		"queue \"1000\" is below the least, 1K: write a size in bytes from 1K to 1T, such "
		"as 64M");
	refuses(fixture, "queue", "2T", NULL);
}

static void integers(void **state)
{
	struct fixture *fixture = *state;

	takes(fixture, "retries", "-12", -12);
	takes(fixture, "retries", "9223372036854775807", INT64_MAX);
	takes(fixture, "level", "-5", -5);

	refuses(fixture, "retries", "9223372036854775808", NULL);
	refuses(fixture, "retries", "many",
		"retries \"many\" is not an integer: write a whole number, such as 10");
	refuses(fixture, "retries", "1e3", NULL);
	refuses(fixture, "retries", " 1", NULL);
	refuses(fixture, "retries", "+1", NULL);
	refuses(fixture, "retries", "-", NULL);
	/* The kind's example lies outside: none is given. */
	refuses(fixture, "level", "6",
		"level \"6\" is above the most, 5: write a whole number from -5 to 5");
	refuses(fixture, "level", "-6",
		"level \"-6\" is below the least, -5: write a whole number from -5 to 5");
}

static void booleans(void **state)
{
	struct fixture *fixture = *state;

	takes(fixture, "compress", "yes", 1);
	takes(fixture, "compress", "no", 0);
	takes(fixture, "compress", "True", 1);
	takes(fixture, "compress", "FALSE", 0);
	takes(fixture, "compress", "on", 1);
	takes(fixture, "compress", "off", 0);

	refuses(fixture, "compress", "maybe",
		"compress \"maybe\" is not a boolean: write yes or no");
	refuses(fixture, "compress", "1", NULL);
}

static void ports(void **state)
{
	struct fixture *fixture = *state;

	takes(fixture, "port", "1", 1);
	takes(fixture, "port", "65535", 65535);

	refuses(fixture, "port", "0",
		"port \"0\" is below the least, 1: write a port from 1 to 65535, such as 5683");
	refuses(fixture, "port", "65536", NULL);
	refuses(fixture, "port", "coap", NULL);
}

static void choices(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(set(fixture, "sync", "normal"), 0);
	assert_string_equal(sb_settings_text(fixture->settings, "sync"), "normal");
	refuses(fixture, "sync", "ful", "sync \"ful\" is no choice: did you mean \"full\"?");
	refuses(fixture, "sync", "never",
		"sync \"never\" is not a choice: write one of full, normal");
	refuses(fixture, "sync", "full|normal", NULL);
	refuses(fixture, "sync", "", NULL);
	assert_string_equal(sb_settings_text(fixture->settings, "sync"), "normal");
}

static void hosts(void **state)
{
	static const char *const good[] = {
		"localhost",	"coap.example.com", "xn--bcher-kva.example",
		"3com.example", "10.0.0.1",	    "2001:db8::1",
		"fe80::1%eth0", "a_b.example",	    "::1",
	};
	static const char *const bad[] = {
		"",	 "a b",	     "a..b",	    ".a",    "a.",	   "-a",
		"a-",	 "a-.b",     "10.0.0.300",  "1.2.3", "coap://a.b", "a.b:5683",
		"[::1]", "fe80::1%", "h\xc3\xb6st", "a/b",   "12345",	   "fe80::1::2%eth0",
	};
	struct fixture *fixture = *state;
	char label[65];

	for (size_t i = 0; i < SB_ELEMENTS(good); i++) {
		if (set(fixture, "host", good[i]) < 0)
			fail_msg("\"%s\" was refused", good[i]);
		assert_string_equal(sb_settings_text(fixture->settings, "host"), good[i]);
	}
	for (size_t i = 0; i < SB_ELEMENTS(bad); i++)
		refuses(fixture, "host", bad[i], NULL);
	refuses(fixture, "host", "a b",
		"host \"a b\" is not a host: write a host name or an address, such as "
		"coap.example.com");

	memset(label, 'a', 64);
	label[64] = '\0';
	refuses(fixture, "host", label, NULL);
	assert_int_equal(set(fixture, "host", label + 1), 0);
}

static void texts(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(set(fixture, "note", ""), 0);
	assert_string_equal(sb_settings_text(fixture->settings, "note"), "");
	refuses(fixture, "product", "",
		"product is shorter than the least, 1 byte: write a text of 1 byte or more");
	refuses(fixture, "sign_iv", "short",
		"sign_iv is shorter than the least, 16 bytes: write a text of 16 bytes, such as "
		"543yhjy97ae7fyfg");
	refuses(fixture, "sign_iv", "543yhjy97ae7fyfgg", NULL);
	assert_string_equal(sb_settings_text(fixture->settings, "sign_iv"), "543yhjy97ae7fyfg");
}

/* ---- secrets ---- */

static void secrets_are_bytes(void **state)
{
	static const uint8_t bytes[] = { 0, 1, 2, 0, 255 };
	struct fixture *fixture = *state;
	const uint8_t *secret;
	size_t len;

	assert_int_equal(sb_settings_set_secret(fixture->settings, "secret", bytes, sizeof(bytes),
						&here, &fixture->problems),
			 0);
	secret = sb_settings_secret(fixture->settings, "secret", &len);
	assert_int_equal(len, sizeof(bytes));
	assert_memory_equal(secret, bytes, len);

	assert_int_equal(set(fixture, "secret", "replaced"), 0);
	secret = sb_settings_secret(fixture->settings, "secret", &len);
	assert_int_equal(len, 8);
	assert_memory_equal(secret, "replaced", len);
	assert_null(sb_settings_text(fixture->settings, "secret"));
}

static void files_are_bytes(void **state)
{
	struct fixture *fixture = *state;
	const uint8_t *content;
	size_t len;

	assert_int_equal(sb_settings_set_secret(fixture->settings, "root", "a\0b", 3, &here,
						&fixture->problems),
			 0);
	content = sb_settings_secret(fixture->settings, "root", &len);
	assert_int_equal(len, 3);
	assert_memory_equal(content, "a\0b", 3);
	assert_null(sb_settings_text(fixture->settings, "root"));
	refuses(fixture, "root", "",
		"root is shorter than the least, 1 byte: write the whole path of a file");
}

static void networks(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(sb_settings_text(fixture->settings, "from"), "10.0.0.0/8");
	takes(fixture, "from", "192.168.0.0/16 fd00::/8", 0);
	assert_string_equal(sb_settings_text(fixture->settings, "from"), "192.168.0.0/16 fd00::/8");
	refuses(fixture, "from", "10.0.0.0/33",
		"from \"10.0.0.0/33\" is not a list of networks: write at most 16 networks with blanks between "
		"them, such as 10.0.0.0/8");
	refuses(fixture, "from", "", NULL);
	refuses(fixture, "from", "everywhere", NULL);
}

static void secrets_stay_out_of_sentences(void **state)
{
	struct fixture *fixture = *state;

	refuses(fixture, "key", "hus",
		"key is shorter than the least, 4 bytes: write a secret as {credential: NAME} or "
		"{file: /PATH} from 4 to 8 bytes");
	refuses(fixture, "key", "hushhushhush", NULL);
	refuses(fixture, "secret", "", NULL);
	assert_int_equal(sb_settings_set_secret(fixture->settings, "host", "hushhush", 8, &here,
						&fixture->problems),
			 -EINVAL);
	assert_int_equal(sb_settings_set_secret(fixture->settings, "hosst", "hushhush", 8, &here,
						&fixture->problems),
			 -ENOENT);

	for (size_t i = 0; i < fixture->problems.n; i++)
		assert_null(strstr(fixture->problems.all[i].text, "hus"));
}

/* ---- keys ---- */

static void unknown_keys(void **state)
{
	struct fixture *fixture = *state;

	refuses(fixture, "prot", "5683", "unknown key \"prot\": did you mean \"port\"?");
	refuses(fixture, "lifetme", "1h", "unknown key \"lifetme\": did you mean \"lifetime\"?");
	refuses(fixture, "zzzzzzz", "1",
		"unknown key \"zzzzzzz\": write one of host, port, product, note, sign_iv, secret, "
		"key, lifetime, age, retries, level, compress, quota, queue, sync, root, from");
}

static void a_key_may_be_in_either_of_two_tables(void **state)
{
	static const struct skybus_setting more[] = {
		{ .key = "window", .kind = SKYBUS_INTEGER, .help = "Some." },
	};
	struct fixture *fixture = *state;
	struct sb_settings *also;

	assert_int_equal(sb_settings_new(more, 1, &also), 0);
	sb_settings_unknown_key(also, fixture->settings, "prot", NULL, &fixture->problems);
	sb_settings_unknown_key(also, fixture->settings, "windwo", NULL, &fixture->problems);
	sb_settings_unknown_key(also, fixture->settings, "xyzxyz", NULL, &fixture->problems);
	also = sb_settings_free(also);

	assert_string_equal(fixture->problems.all[0].text,
			    "unknown key \"prot\": did you mean \"port\"?");
	assert_string_equal(fixture->problems.all[1].text,
			    "unknown key \"windwo\": did you mean \"window\"?");
	assert_non_null(strstr(fixture->problems.all[2].text, "write one of window, host, port"));
}

static void says_what_is_missing(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(sb_settings_finish(fixture->settings, &here, &fixture->problems), -EINVAL);
	assert_int_equal(fixture->problems.n, 3);
	assert_string_equal(fixture->problems.all[0].text,
			    "skybus.yaml:7:15: host is missing: add \"host:\" with a host name or "
			    "an address, such as coap.example.com (The cloud.)");

	assert_int_equal(set(fixture, "host", "localhost"), 0);
	assert_int_equal(set(fixture, "product", "p"), 0);
	assert_int_equal(set(fixture, "secret", "s"), 0);
	assert_int_equal(sb_settings_finish(fixture->settings, &here, &fixture->problems), 0);
}

static const char *nearest(const char *word)
{
	static const char *const words[] = { "port", NULL, "host", "device_secret", "a", "enos" };

	return sb_nearest_word(word, words, SB_ELEMENTS(words));
}

static struct sb_settings *others(void)
{
	struct sb_settings *settings = NULL;

	assert_int_equal(sb_settings_new(rows, SB_ELEMENTS(rows), &settings), 0);

	return settings;
}

static void the_same_values_are_equal(void **state)
{
	static const char *const some[][2] = {
		{ "note", "a" },       { "port", "7" },		  { "secret", "hush" },
		{ "age", "5s" },       { "level", "-1" },	  { "sync", "normal" },
		{ "root", "-----" },   { "quota", "1M" },	  { "host", "cloud" },
		{ "compress", "yes" }, { "from", "10.1.0.0/16" },
	};
	struct fixture *fixture = *state;
	struct sb_settings *other = others();

	assert_true(sb_settings_equal(fixture->settings, other));
	for (size_t i = 0; i < SB_ELEMENTS(some); i++) {
		const char *key = some[i][0];

		assert_int_equal(sb_settings_set(other, key, some[i][1], &here, &fixture->problems),
				 0);
		assert_false(sb_settings_equal(fixture->settings, other));
		assert_false(sb_settings_same(fixture->settings, other, key));
		assert_int_equal(sb_settings_set(fixture->settings, key, some[i][1], &here,
						 &fixture->problems),
				 0);
		assert_true(sb_settings_same(fixture->settings, other, key));
		assert_true(sb_settings_equal(fixture->settings, other));
	}
	(void)sb_settings_free(other);
}

static void a_default_may_be_written_down(void **state)
{
	struct fixture *fixture = *state;
	struct sb_settings *other = others();

	assert_int_equal(sb_settings_set(other, "lifetime", "60m", &here, &fixture->problems), 0);
	assert_true(sb_settings_equal(fixture->settings, other));
	assert_true(sb_settings_same(fixture->settings, other, "nonsense"));
	(void)sb_settings_free(other);
}

static void secrets_differ_in_any_byte(void **state)
{
	struct fixture *fixture = *state;
	struct sb_settings *other = others();

	assert_int_equal(sb_settings_set_secret(fixture->settings, "secret", "a\0b", 3, &here,
						&fixture->problems),
			 0);
	assert_int_equal(
		sb_settings_set_secret(other, "secret", "a\0c", 3, &here, &fixture->problems), 0);
	assert_false(sb_settings_equal(fixture->settings, other));
	assert_int_equal(
		sb_settings_set_secret(other, "secret", "a\0b", 3, &here, &fixture->problems), 0);
	assert_true(sb_settings_equal(fixture->settings, other));
	(void)sb_settings_free(other);
}

static void other_tables_are_not_equal(void **state)
{
	struct fixture *fixture = *state;
	struct sb_settings *other = NULL;

	assert_int_equal(sb_settings_new(rows + 1, SB_ELEMENTS(rows) - 1, &other), 0);
	assert_false(sb_settings_equal(fixture->settings, other));
	assert_false(sb_settings_equal(fixture->settings, NULL));
	assert_false(sb_settings_equal(NULL, other));
	assert_true(sb_settings_equal(NULL, NULL));
	(void)sb_settings_free(other);
}

static void near_words(void **state)
{
	static const char *const twins[] = { "bat", "cat", "rat" };
	char endless[200];

	(void)state;
	assert_string_equal(nearest("prot"), "port"); /* swapped */
	assert_string_equal(nearest("prt"), "port"); /* left out */
	assert_string_equal(nearest("poort"), "port"); /* inserted */
	assert_string_equal(nearest("pork"), "port"); /* replaced */
	assert_string_equal(nearest("enso"), "enos");
	assert_string_equal(nearest("device_scret"), "device_secret");
	assert_string_equal(nearest("devce_scret"), "device_secret");
	assert_string_equal(nearest("a"), "a");

	assert_null(nearest("b")); /* nothing in common with "a" */
	assert_null(nearest("tropp"));
	assert_null(nearest("dev_scrt"));
	assert_null(nearest(""));
	assert_string_equal(sb_nearest_word("dat", twins, 3), "bat");
	assert_string_equal(sb_nearest_word("rat", twins, 3), "rat");

	memset(endless, 'a', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_null(nearest(endless));
}

/* ---- tables ---- */

static void good_tables(void **state)
{
	char why[256];

	(void)state;
	assert_int_equal(sb_settings_check_table(rows, SB_ELEMENTS(rows), why, sizeof(why)), 0);
	assert_int_equal(sb_settings_check_table(NULL, 0, why, sizeof(why)), 0);
}

static void bad_tables(void **state)
{
	static const struct {
		struct skybus_setting row;
		const char *why;
	} bad[] = {
		{ { NULL, SKYBUS_TEXT, .help = "H." }, "setting 2 (without key): its key is not" },
		{ { "Key", SKYBUS_TEXT, .help = "H." }, "setting 2 (Key): its key is not" },
		{ { "1key", SKYBUS_TEXT, .help = "H." }, "its key is not" },
		{ { "a-key", SKYBUS_TEXT, .help = "H." }, "its key is not" },
		{ { "", SKYBUS_TEXT, .help = "H." }, "its key is not" },
		{ { "first", SKYBUS_TEXT, .help = "H." }, "its key is there twice" },
		{ { "key", 0, .help = "H." }, "its kind is unknown" },
		{ { "key", SKYBUS_NETWORKS + 1, .help = "H." }, "its kind is unknown" },
		{ { "key", SKYBUS_TEXT, .help = NULL }, "it has no help" },
		{ { "key", SKYBUS_TEXT, .help = "" }, "it has no help" },
		{ { "key", SKYBUS_CHOICE, .help = "H." }, "a choice needs" },
		{ { "key", SKYBUS_CHOICE, .choices = "a||b", .help = "H." }, "a choice needs" },
		{ { "key", SKYBUS_TEXT, .choices = "a|b", .help = "H." }, "a choice needs" },
		{ { "key", SKYBUS_TEXT, .min = 5, .max = 4, .help = "H." }, "its bounds leave" },
		{ { "key", SKYBUS_PORT, .min = 70000, .max = 80000, .help = "H." },
		  "its bounds leave" },
		{ { "key", SKYBUS_TEXT, SKYBUS_REQUIRED, .fallback = "x", .help = "H." },
		  "can have no default" },
		{ { "key", SKYBUS_SECRET, .fallback = "x", .help = "H." }, "can have no default" },
		{ { "key", SKYBUS_FILE, .fallback = "/x", .help = "H." }, "can have no default" },
		{ { "key", SKYBUS_DURATION, .fallback = "x", .help = "H." }, "its default is not" },
		{ { "key", SKYBUS_NETWORKS, .fallback = "x", .help = "H." }, "its default is not" },
		{ { "key", SKYBUS_DURATION, 0, "8", .min = 9, .max = 10, .help = "H." },
		  "its default is not" },
	};
	struct skybus_setting table[] = {
		{ .key = "first", .kind = SKYBUS_TEXT, .help = "Help." },
		{ 0 },
	};
	char why[256];

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(bad); i++) {
		table[1] = bad[i].row;
		if (sb_settings_check_table(table, 2, why, sizeof(why)) != -EINVAL)
			fail_msg("a table passed in spite of: %s", bad[i].why);
		if (!strstr(why, bad[i].why))
			fail_msg("\"%s\" does not say \"%s\"", why, bad[i].why);
	}
}

static void settings_need_a_good_table(void **state)
{
	static const struct skybus_setting kind = { .key = "k", .kind = 99, .help = "H." };
	static const struct skybus_setting fallback = {
		.key = "k",
		.kind = SKYBUS_PORT,
		.fallback = "0",
		.help = "H.",
	};
	struct sb_settings *settings = NULL;

	(void)state;
	assert_int_equal(sb_settings_new(&kind, 1, &settings), -EINVAL);
	assert_int_equal(sb_settings_new(&fallback, 1, &settings), -EINVAL);
	assert_null(settings);
	assert_int_equal(sb_settings_new(NULL, 0, &settings), 0);
	assert_null(sb_settings_row(settings, "k"));
	assert_null(sb_settings_free(settings));
	assert_null(sb_settings_free(NULL));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(begins_with_the_defaults),
		TEST(lends_only_what_is_of_the_kind),
		TEST(durations),
		TEST(sizes),
		TEST(integers),
		TEST(booleans),
		TEST(ports),
		TEST(choices),
		TEST(hosts),
		TEST(texts),
		TEST(secrets_are_bytes),
		TEST(files_are_bytes),
		TEST(networks),
		TEST(secrets_stay_out_of_sentences),
		TEST(unknown_keys),
		TEST(a_key_may_be_in_either_of_two_tables),
		TEST(says_what_is_missing),
		TEST(the_same_values_are_equal),
		TEST(a_default_may_be_written_down),
		TEST(secrets_differ_in_any_byte),
		TEST(other_tables_are_not_equal),
		cmocka_unit_test(near_words),
		cmocka_unit_test(good_tables),
		cmocka_unit_test(bad_tables),
		cmocka_unit_test(settings_need_a_good_table),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
