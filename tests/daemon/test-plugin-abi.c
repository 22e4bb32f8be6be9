/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What plugins are compiled against stays where it is: structs grow at their end only. A line of this
 * table may be added, and is never changed or removed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "skybus/plugin.h"

struct field {
	const char *name;
	size_t is;
	size_t was;
};

struct constant {
	const char *name;
	uint32_t is;
	uint32_t was;
};

/* Whether pointers have eight bytes; where they have four, numbers of eight have places as on ARM. */
#define WIDE (sizeof(void *) == 8)

/* The versions of clang-format disagree on braces in a macro. */
/* clang-format off */
#define FIELD(type, member, wide, narrow) \
	{ #type "." #member, offsetof(struct type, member), WIDE ? (wide) : (narrow) }
#define SIZE(type, wide, narrow) { #type, sizeof(struct type), WIDE ? (wide) : (narrow) }
#define CONSTANT(name, value) { #name, (uint32_t)(name), (value) }
/* clang-format on */

/* Where each is with pointers of eight bytes, and of four. */
static const struct field fields[] = {
	FIELD(skybus_setting, key, 0, 0),
	FIELD(skybus_setting, kind, 8, 4),
	FIELD(skybus_setting, flags, 12, 8),
	FIELD(skybus_setting, fallback, 16, 12),
	FIELD(skybus_setting, min, 24, 16),
	FIELD(skybus_setting, max, 32, 24),
	FIELD(skybus_setting, choices, 40, 32),
	FIELD(skybus_setting, help, 48, 36),
	FIELD(skybus_message, size, 0, 0),
	FIELD(skybus_message, payload_len, 4, 4),
	FIELD(skybus_message, ticket, 8, 8),
	FIELD(skybus_message, topic, 16, 16),
	FIELD(skybus_message, payload, 24, 20),
	FIELD(skybus_message, time_ms, 32, 24),
	FIELD(skybus_message, content_format, 40, 32),
	FIELD(skybus_message, flags, 44, 36),
	FIELD(skybus_option, number, 0, 0),
	FIELD(skybus_option, len, 4, 4),
	FIELD(skybus_option, value, 8, 8),
	FIELD(skybus_reply, size, 0, 0),
	FIELD(skybus_reply, outcome, 4, 4),
	FIELD(skybus_reply, code, 8, 8),
	FIELD(skybus_reply, content_format, 12, 12),
	FIELD(skybus_reply, max_age, 16, 16),
	FIELD(skybus_reply, payload_len, 20, 20),
	FIELD(skybus_reply, payload, 24, 24),
	FIELD(skybus_reply, note, 32, 32),
	FIELD(skybus_reply, options, 40, 40),
	FIELD(skybus_reply, n_options, 48, 44),
	FIELD(skybus_reply, observed, 52, 48),
	FIELD(skybus_verdict, size, 0, 0),
	FIELD(skybus_verdict, kind, 4, 4),
	FIELD(skybus_verdict, retry_after_ms, 8, 8),
	FIELD(skybus_verdict, reserved, 12, 12),
	FIELD(skybus_verdict, reason, 16, 16),
	FIELD(skybus_session, size, 0, 0),
	FIELD(skybus_session, security, 4, 4),
	FIELD(skybus_session, host, 8, 8),
	FIELD(skybus_session, port, 16, 12),
	FIELD(skybus_session, identity_len, 20, 16),
	FIELD(skybus_session, identity, 24, 20),
	FIELD(skybus_session, key, 32, 24),
	FIELD(skybus_session, key_len, 40, 28),
	FIELD(skybus_session, trust_len, 44, 32),
	FIELD(skybus_session, trust, 48, 36),
	FIELD(skybus_session, server_name, 56, 40),
	FIELD(skybus_terms, size, 0, 0),
	FIELD(skybus_terms, expires_s, 4, 4),
	FIELD(skybus_terms, keepalive_s, 8, 8),
	FIELD(skybus_terms, window, 12, 12),
	FIELD(skybus_terms, batch_s, 16, 16),
	FIELD(skybus_command, size, 0, 0),
	FIELD(skybus_command, payload_len, 4, 4),
	FIELD(skybus_command, topic, 8, 8),
	FIELD(skybus_command, payload, 16, 12),
	FIELD(skybus_command, content_format, 24, 16),
	FIELD(skybus_command, flags, 28, 20),
	FIELD(skybus_command, context, 32, 24),
	FIELD(skybus_command, context_len, 40, 28),
	FIELD(skybus_command, answer_s, 44, 32),
	FIELD(skybus_command, otherwise, 48, 36),
	FIELD(skybus_incoming, size, 0, 0),
	FIELD(skybus_incoming, method, 4, 4),
	FIELD(skybus_incoming, path, 8, 8),
	FIELD(skybus_incoming, query, 16, 12),
	FIELD(skybus_incoming, from, 24, 16),
	FIELD(skybus_incoming, payload, 32, 20),
	FIELD(skybus_incoming, payload_len, 40, 24),
	FIELD(skybus_incoming, content_format, 44, 28),
	FIELD(skybus_answer, size, 0, 0),
	FIELD(skybus_answer, payload_len, 4, 4),
	FIELD(skybus_answer, topic, 8, 8),
	FIELD(skybus_answer, code, 16, 12),
	FIELD(skybus_answer, payload, 24, 16),
	FIELD(skybus_answer, context, 32, 20),
	FIELD(skybus_answer, context_len, 40, 24),
	FIELD(skybus_answer, served, 44, 28),
	FIELD(skybus_listen, size, 0, 0),
	FIELD(skybus_listen, port, 4, 4),
	FIELD(skybus_listen, from, 8, 8),
	FIELD(skybus_fetch, size, 0, 0),
	FIELD(skybus_fetch, timeout_ms, 4, 4),
	FIELD(skybus_fetch, url, 8, 8),
	FIELD(skybus_fetch, accept, 16, 12),
	FIELD(skybus_fetch, range, 24, 16),
	FIELD(skybus_fetch, trust, 32, 20),
	FIELD(skybus_fetch, trust_len, 40, 24),
	FIELD(skybus_fetch, max_len, 44, 28),
	FIELD(skybus_fetched, size, 0, 0),
	FIELD(skybus_fetched, status, 4, 4),
	FIELD(skybus_fetched, content_type, 8, 8),
	FIELD(skybus_fetched, content_range, 16, 12),
	FIELD(skybus_fetched, body, 24, 16),
	FIELD(skybus_fetched, reason, 32, 20),
	FIELD(skybus_fetched, body_len, 40, 24),
	FIELD(skybus_fetched, reserved, 44, 28),
	FIELD(skybus_host, size, 0, 0),
	FIELD(skybus_host, reserved, 4, 4),
	FIELD(skybus_host, setting_text, 8, 8),
	FIELD(skybus_host, setting_integer, 16, 12),
	FIELD(skybus_host, setting_secret, 24, 16),
	FIELD(skybus_host, log, 32, 20),
	FIELD(skybus_host, request_method, 40, 24),
	FIELD(skybus_host, request_path, 48, 28),
	FIELD(skybus_host, request_query, 56, 32),
	FIELD(skybus_host, request_option, 64, 36),
	FIELD(skybus_host, request_uint, 72, 40),
	FIELD(skybus_host, request_payload, 80, 44),
	FIELD(skybus_host, request_note, 88, 48),
	FIELD(skybus_host, open_session, 96, 52),
	FIELD(skybus_host, new_request, 104, 56),
	FIELD(skybus_host, free_request, 112, 60),
	FIELD(skybus_host, send_request, 120, 64),
	FIELD(skybus_host, fetch, 128, 68),
	FIELD(skybus_host, listen, 136, 72),
	FIELD(skybus_host, timer_start, 144, 76),
	FIELD(skybus_host, timer_stop, 152, 80),
	FIELD(skybus_host, online, 160, 84),
	FIELD(skybus_host, failed, 168, 88),
	FIELD(skybus_host, deliver, 176, 92),
	FIELD(skybus_host, response_code, 184, 96),
	FIELD(skybus_host, response_payload, 192, 100),
	FIELD(skybus_host, response_topic, 200, 104),
	FIELD(skybus_host, store_get, 208, 108),
	FIELD(skybus_host, store_put, 216, 112),
	FIELD(skybus_host, store_remove, 224, 116),
	FIELD(skybus_host, observe, 232, 120),
	FIELD(skybus_host, observe_stop, 240, 124),
	FIELD(skybus_plugin, size, 0, 0),
	FIELD(skybus_plugin, n_settings, 4, 4),
	FIELD(skybus_plugin, name, 8, 8),
	FIELD(skybus_plugin, version, 16, 12),
	FIELD(skybus_plugin, summary, 24, 16),
	FIELD(skybus_plugin, settings, 32, 20),
	FIELD(skybus_plugin, attach, 40, 24),
	FIELD(skybus_plugin, detach, 48, 28),
	FIELD(skybus_plugin, login, 56, 32),
	FIELD(skybus_plugin, encode, 64, 36),
	FIELD(skybus_plugin, decide, 72, 40),
	FIELD(skybus_plugin, accept, 80, 44),
	FIELD(skybus_plugin, keepalive, 88, 48),
	FIELD(skybus_plugin, serve, 96, 52),
	FIELD(skybus_plugin, answer, 104, 56),
	FIELD(skybus_plugin, device, 112, 60),
	FIELD(skybus_plugin, gather, 120, 64),
	FIELD(skybus_plugin, encode_batch, 128, 68),
};

/* Those that never grow. */
static const struct field sizes[] = {
	SIZE(skybus_setting, 56, 40),
	SIZE(skybus_message, 48, 40),
	SIZE(skybus_option, 16, 12),
};

static const struct constant constants[] = {
	CONSTANT(SKYBUS_TEXT, 1),	  CONSTANT(SKYBUS_INTEGER, 2),
	CONSTANT(SKYBUS_BOOLEAN, 3),	  CONSTANT(SKYBUS_SECRET, 4),
	CONSTANT(SKYBUS_DURATION, 5),	  CONSTANT(SKYBUS_SIZE, 6),
	CONSTANT(SKYBUS_CHOICE, 7),	  CONSTANT(SKYBUS_PORT, 8),
	CONSTANT(SKYBUS_HOST, 9),	  CONSTANT(SKYBUS_FILE, 10),
	CONSTANT(SKYBUS_NETWORKS, 11),	  CONSTANT(SKYBUS_REQUIRED, 1),
	CONSTANT(SKYBUS_GET, 1),	  CONSTANT(SKYBUS_POST, 2),
	CONSTANT(SKYBUS_PUT, 3),	  CONSTANT(SKYBUS_DELETE, 4),
	CONSTANT(SKYBUS_FETCH, 5),	  CONSTANT(SKYBUS_PATCH, 6),
	CONSTANT(SKYBUS_FORMAT_TEXT, 0),  CONSTANT(SKYBUS_FORMAT_BYTES, 42),
	CONSTANT(SKYBUS_FORMAT_JSON, 50), CONSTANT(SKYBUS_FORMAT_CBOR, 60),
	CONSTANT(SKYBUS_ANSWERED, 1),	  CONSTANT(SKYBUS_TIMEOUT, 2),
	CONSTANT(SKYBUS_RESET, 3),	  CONSTANT(SKYBUS_UNREACHABLE, 4),
	CONSTANT(SKYBUS_ABANDONED, 5),	  CONSTANT(SKYBUS_DELIVERED, 1),
	CONSTANT(SKYBUS_RETRY, 2),	  CONSTANT(SKYBUS_RELOGIN, 3),
	CONSTANT(SKYBUS_REJECTED, 4),	  CONSTANT(SKYBUS_PLAIN, 1),
	CONSTANT(SKYBUS_PSK, 2),	  CONSTANT(SKYBUS_CERTIFICATE, 3),
	CONSTANT(SKYBUS_ANSWERABLE, 1),	  CONSTANT(SKYBUS_TRANSIENT, 1),
	CONSTANT(SKYBUS_CREDENTIALS, 2),  CONSTANT(SKYBUS_CONFIGURATION, 3),
	CONSTANT(SKYBUS_LOG_ERROR, 3),	  CONSTANT(SKYBUS_LOG_WARNING, 4),
	CONSTANT(SKYBUS_LOG_NOTICE, 5),	  CONSTANT(SKYBUS_LOG_INFO, 6),
	CONSTANT(SKYBUS_LOG_DEBUG, 7),
};

static void nothing_grows_that_must_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(sizes); i++)
		assert_int_equal(sizes[i].is, sizes[i].was);
}

static void constants_stay(void **state)
{
	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(constants); i++) {
		if (constants[i].is != constants[i].was)
			print_error("%s was %u and is %u\n", constants[i].name, constants[i].was,
				    constants[i].is);
		assert_int_equal(constants[i].is, constants[i].was);
	}
	assert_int_equal(SKYBUS_NO_FORMAT, 0xffffffff);
	assert_int_equal(SKYBUS_CODE(2, 5), 69);
	assert_int_equal(SKYBUS_CODE_CLASS(SKYBUS_CODE(5, 3)), 5);
}

static void nothing_moves(void **state)
{
	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(fields); i++) {
		if (fields[i].is != fields[i].was)
			print_error("%s has moved from %zu to %zu\n", fields[i].name, fields[i].was,
				    fields[i].is);
		assert_int_equal(fields[i].is, fields[i].was);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_moves),
		cmocka_unit_test(nothing_grows_that_must_not),
		cmocka_unit_test(constants_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
