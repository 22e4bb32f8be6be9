/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin from the future: the early one, made with a header that has grown. Its descriptor has calls that this
 * daemon does not know, and what it hands over is longer, with rubbish behind. It would use a call of the
 * host that is not there, and asks before.
 */
#include <stddef.h>

/* It has another name, and its own descriptor. */
#define skybus_plugin_v1 early_descriptor
#undef SKYBUS_EXPORT
#include "tests/abi/0.1.0/early.c"
#undef skybus_plugin_v1

#define MORE 8
#define RUBBISH ((void *)0xa5a5a5a5)

struct later_host {
	uint32_t size;
	uint8_t known[sizeof(struct skybus_host) - sizeof(uint32_t)];
	void (*more)(struct skybus_link *link);
};

/* One for all links: the daemon lends all of them the same. */
static const struct skybus_host *real;
static struct skybus_host ours;

/* @kind, and behind it what the daemon does not know. */
#define LONGER(kind, name, given)                                               \
	struct {                                                                \
		struct kind known;                                              \
		void *more[MORE];                                               \
	} name = { *(given), { RUBBISH, RUBBISH, RUBBISH, RUBBISH, RUBBISH } }; \
	name.known.size = sizeof(name)

static int32_t open_session(struct skybus_link *link, const struct skybus_session *session,
			    skybus_opened_fn *done, void *tag)
{
	LONGER(skybus_session, longer, session);

	return real->open_session(link, &longer.known, done, tag);
}

static int32_t fetch(struct skybus_link *link, const struct skybus_fetch *plan,
		     skybus_fetched_fn *done, void *tag)
{
	LONGER(skybus_fetch, longer, plan);

	return real->fetch(link, &longer.known, done, tag);
}

static int32_t listen_at(struct skybus_link *link, const struct skybus_listen *plan)
{
	LONGER(skybus_listen, longer, plan);

	return real->listen(link, &longer.known);
}

static void online(struct skybus_link *link, const struct skybus_terms *terms)
{
	LONGER(skybus_terms, longer, terms);

	real->online(link, &longer.known);
}

static int32_t deliver(struct skybus_link *link, const struct skybus_command *command)
{
	LONGER(skybus_command, longer, command);

	return real->deliver(link, &longer.known);
}

static int32_t later_attach(const struct skybus_host *host, struct skybus_link *link,
			    void **ret_state, struct skybus_verdict *why)
{
	const struct later_host *later = (const struct later_host *)host;

	real = host;
	ours = *host;
	ours.open_session = open_session;
	ours.fetch = fetch;
	ours.listen = listen_at;
	ours.online = online;
	ours.deliver = deliver;
	if (SKYBUS_HAS(later, more))
		later->more(link);
	else
		host->log(link, SKYBUS_LOG_INFO, "this daemon is older, and will do");

	return attach(&ours, link, ret_state, why);
}

__attribute__((visibility("default"))) const struct {
	struct skybus_plugin known;
	void *more[MORE];
} skybus_plugin_v1 = {
	.known = {
		.size = sizeof(skybus_plugin_v1),
		.n_settings = sizeof(settings) / sizeof(settings[0]),
		.name = "later",
		.version = "9.0",
		.summary = "a plugin from the future",
		.settings = settings,
		.attach = later_attach,
		.detach = detach,
		.login = login,
		.encode = encode,
		.decide = decide,
		.accept = accept_message,
		.keepalive = keepalive,
		.serve = serve,
		.answer = answer,
		.device = device,
	},
	.more = { RUBBISH, RUBBISH },
};
