/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "daemon/settings.h"
#include "tests/plugins/scripted-fixture.h"

#define SETTINGS_MAX 16

/* ---- coming and going ---- */

/* The rules that the plugin broke are told when its link goes. */
static void detach_and_free(struct skybus_link *link)
{
	char fault[sizeof(link->fault)];

	scripted_detach(link);
	(void)strcpy(fault, link->fault);
	(void)scripted_free(link);
	if (fault[0])
		fail_msg("the plugin broke a rule: %s", fault);
}

static struct skybus_link *replace(void **state, const struct scripted_setting *settings)
{
	struct skybus_link *former = *state;

	*state = scripted_new(&skybus_plugin_v1, settings);
	if (former)
		detach_and_free(former);

	return *state;
}

/**
 * attach() - a new link in the place of the present one
 * @state: the test's
 * @settings: what the configuration would say, up to a NULL key; must stay for restart()
 *
 * Return: the link, the test's.
 */
struct skybus_link *attach(void **state, const struct scripted_setting *settings)
{
	struct skybus_link *link = replace(state, settings);
	struct skybus_verdict why;

	if (scripted_attach(link, &why) < 0)
		fail_msg("attach() refused: %s", why.reason);

	return link;
}

/**
 * restart() - the daemon is started anew; what was stored is there
 * @link: attached; its settings may have been replaced
 */
void restart(struct skybus_link *link)
{
	struct skybus_verdict why;

	scripted_detach(link);
	if (scripted_attach(link, &why) < 0)
		fail_msg("attach() refused: %s", why.reason);
}

/** teardown() - the link goes, and the test fails if its plugin broke a rule */
int teardown(void **state)
{
	detach_and_free(*state);

	return 0;
}

/**
 * with() - settings that stand before their like
 * @usual: up to a NULL key
 * @more: the same
 *
 * Return: both, valid until the next call.
 */
const struct scripted_setting *with(const struct scripted_setting *usual,
				    const struct scripted_setting *more)
{
	static struct scripted_setting settings[SETTINGS_MAX + 1];
	const struct scripted_setting *const parts[] = { more, usual };
	size_t n = 0;

	for (size_t i = 0; i < SB_ELEMENTS(parts); i++) {
		for (const struct scripted_setting *part = parts[i]; part->key; part++) {
			assert_true(n < SETTINGS_MAX);
			settings[n++] = *part;
		}
	}
	settings[n].key = NULL;

	return settings;
}

/* ---- what is expected ---- */

/**
 * expect_plugin() - the descriptor is in order
 * @name: of the plugin
 */
void expect_plugin(const char *name)
{
	const struct skybus_plugin *plugin = &skybus_plugin_v1;
	char why[256] = "";

	if (sb_settings_check_table(plugin->settings, plugin->n_settings, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	assert_string_equal(plugin->name, name);
	assert_int_equal(plugin->size, sizeof(*plugin));
}

/**
 * expect_refused() - attach() refuses the settings
 * @state: the test's; has an unattached link afterwards
 * @settings: up to a NULL key
 * @part: of the sentence
 */
void expect_refused(void **state, const struct scripted_setting *settings, const char *part)
{
	struct skybus_verdict why;

	assert_int_equal(scripted_attach(replace(state, settings), &why), -EINVAL);
	if (!strstr(why.reason, part))
		fail_msg("\"%s\" does not say \"%s\"", why.reason, part);
}

/**
 * expect_failure() - the last login ended so
 * @link: the link
 * @kind: SKYBUS_TRANSIENT …
 * @part: of the reason
 */
void expect_failure(const struct skybus_link *link, uint32_t kind, const char *part)
{
	assert_false(link->logging_in);
	if (link->failure.kind != kind || !strstr(link->failure.reason, part))
		fail_msg("failed with kind %u and \"%s\", not %u and \"%s\"", link->failure.kind,
			 link->failure.reason, kind, part);
}

/**
 * expect_text() - bytes are a text
 * @data: @len bytes, without a terminating zero
 * @len: how many
 * @text: the text
 */
void expect_text(const void *data, size_t len, const char *text)
{
	if (len != strlen(text) || (len > 0 && memcmp(data, text, len) != 0))
		fail_msg("not \"%s\" but \"%.*s\"", text, (int)len, (const char *)data);
}

/**
 * expect_detachable() - whatever is under way, nothing comes back to a plugin that is gone, and
 *	nothing of it is left; AddressSanitizer watches
 * @state: the test's
 * @settings: of the link that goes after each step
 * @steps: one after the other, up to a NULL
 */
void expect_detachable(void **state, const struct scripted_setting *settings, step_fn *const *steps)
{
	size_t last = 0;

	do {
		struct skybus_link *link = attach(state, settings);

		for (size_t i = 0; i < last; i++)
			steps[i](link);
		scripted_detach(link);
	} while (steps[last++]);
}

/* ---- requests and their replies ---- */

/**
 * only_sent() - the request that is under way
 * @link: with just one
 *
 * Return: the request, the link's.
 */
struct skybus_request *only_sent(struct skybus_link *link)
{
	struct skybus_request *request = TAILQ_FIRST(&link->sent);

	assert_non_null(request);
	assert_null(TAILQ_NEXT(request, entry));

	return request;
}

/**
 * begin_login() - a login over a session that opens
 * @link: of a plugin that opens one first
 *
 * Return: the login's first request, the link's.
 */
struct skybus_request *begin_login(struct skybus_link *link)
{
	scripted_login(link);
	assert_true(link->opening);
	scripted_opened(link, 0, "");

	return only_sent(link);
}

/**
 * answer() - the cloud answers
 * @request: under way; gone afterwards
 * @code: SKYBUS_CODE(class, detail)
 * @payload: a text
 *
 * Return: the verdict, as scripted_answer().
 */
struct skybus_verdict answer(struct skybus_request *request, uint32_t code, const char *payload)
{
	struct skybus_reply reply = scripted_reply(code, payload, (uint32_t)strlen(payload));

	return scripted_answer(request, &reply);
}

/**
 * answer_outcome() - a request of the plugin's own ends without an answer
 * @request: under way; gone afterwards
 * @outcome: SKYBUS_TIMEOUT …
 */
void answer_outcome(struct skybus_request *request, uint32_t outcome)
{
	struct skybus_reply reply = scripted_reply(0, NULL, 0);

	reply.outcome = outcome;
	(void)scripted_answer(request, &reply);
}
