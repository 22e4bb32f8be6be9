/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/channel.h"
#include "daemon/cleanup.h"

#define REASON_MAX 320
#define HANDSHAKE_TIMEOUT_S 30

struct sb_channel {
	struct sb_transport *transport;
	struct sb_lookup *lookup;
	struct sb_session *session;
	struct sb_wire *wire;
	struct sb_address peer; /* of the session, or of the first that could not be opened */
	sb_channel_fn *changed;
	void *userdata;
	unsigned int attempt;
	uint32_t security;
	uint16_t port;
	char *host;
	char *interface; /* NULL for any */
	char *server_name; /* NULL for the host */
	uint8_t *identity;
	size_t identity_len;
	uint8_t *key;
	size_t key_len;
	uint8_t *trust; /* NULL for none beside the system's */
	size_t trust_len;
};

SB_DEFINE_CLEANUP(struct sb_channel *, sb_channel_free)

static void channel_broke(struct sb_channel *channel, int error, const char *reason)
{
	channel->changed(channel->userdata, SB_CHANNEL_BROKEN, error, reason);
}

static void session_reason(const struct sb_channel *channel, int error, const char *detail,
			   char *reason, size_t size)
{
	const char *interface = channel->interface ? channel->interface : "";
	const char *host = channel->host;
	unsigned int port = channel->port;

	switch (-error) {
	case ETIMEDOUT:
		sb_channel_explain(channel, SKYBUS_TIMEOUT, HANDSHAKE_TIMEOUT_S, reason, size);
		break;
	case ECONNREFUSED:
		sb_channel_explain(channel, SKYBUS_UNREACHABLE, 0, reason, size);
		break;
	case EKEYREJECTED:
		(void)snprintf(reason, size,
			       "%s:%u refused the DTLS handshake%s%s%s: wrong identity or key",
			       host, port, *detail ? " (" : "", detail, *detail ? ")" : "");
		break;
	case EBADMSG:
		(void)snprintf(reason, size, "%s:%u shows a certificate that %s", host, port,
			       *detail ? detail : "is not to be trusted");
		break;
	case EPERM:
		(void)snprintf(reason, size,
			       "the kernel does not let this daemon choose the network interface "
			       "%s: give its unit AmbientCapabilities=CAP_NET_RAW",
			       interface);
		break;
	case ENODEV:
		(void)snprintf(reason, size,
			       "the box has no network interface %s: is the modem up? The link's "
			       "setting \"interface\" names it",
			       interface);
		break;
	case EHOSTUNREACH:
	case ENETUNREACH:
		(void)snprintf(reason, size, "no route to %s:%u: is the network up?", host, port);
		break;
	case EMFILE:
		(void)snprintf(
			reason, size,
			"no session more to %s:%u: this daemon holds as many as it can (%s), so move "
			"links to a second instance",
			host, port,
			channel->security == SKYBUS_PLAIN ? "LimitNOFILE= in its unit"
							  : "descriptors below 1024 carry DTLS");
		break;
	case ECONNRESET:
		(void)snprintf(reason, size, "%s:%u ended the session%s%s", host, port,
			       *detail ? ": " : "", detail);
		break;
	default:
		(void)snprintf(reason, size, "no session to %s:%u: %s", host, port,
			       strerror(-error));
		break;
	}
}

static void channel_on_session(void *userdata, int outcome, const char *detail)
{
	struct sb_channel *channel = userdata;
	char reason[REASON_MAX];

	if (outcome >= 0) {
		channel->changed(channel->userdata,
				 outcome == SB_SESSION_DOUBTED ? SB_CHANNEL_DOUBTED
							       : SB_CHANNEL_OPEN,
				 0, "");
		return;
	}
	session_reason(channel, outcome, detail, reason, sizeof(reason));
	channel_broke(channel, outcome, reason);
}

static int open_session(struct sb_channel *channel, const struct sb_address *address)
{
	struct sb_peer peer = {
		.address = address->sockaddr,
		.address_len = address->len,
		.security = channel->security,
		.interface = channel->interface,
		.wire = channel->wire,
		.host = channel->server_name ? channel->server_name : channel->host,
		.identity = channel->identity,
		.identity_len = channel->identity_len,
		.key = channel->key,
		.key_len = channel->key_len,
		.trust = channel->trust,
		.trust_len = channel->trust_len,
	};

	return sb_session_new(channel->transport, &peer, channel_on_session, channel,
			      &channel->session);
}

/*
 * One address each attempt, and the next ones too as long as the box itself refuses them at once, as it
 * does with IPv6 where there is no route for it.
 */
static void channel_connect(struct sb_channel *channel, const struct sb_address *addresses,
			    size_t n_addresses)
{
	int error = 0;

	channel->peer = addresses[channel->attempt % n_addresses];
	for (size_t i = 0; i < n_addresses; i++) {
		const struct sb_address *address = &addresses[(channel->attempt + i) % n_addresses];
		int r = open_session(channel, address);

		if (r == 0) {
			channel->peer = *address;
			channel->changed(channel->userdata, SB_CHANNEL_CONNECTING, 0, "");
			return;
		}
		error = error < 0 ? error : r;
	}
	channel_on_session(channel, error, "");
}

static void channel_on_resolved(void *userdata, int error, const char *detail,
				const struct sb_address *addresses, size_t n_addresses)
{
	struct sb_channel *channel = userdata;
	char reason[REASON_MAX];

	channel->lookup = NULL;
	if (error == 0 && n_addresses > 0) {
		channel_connect(channel, addresses, n_addresses);
		return;
	}
	(void)snprintf(
		reason, sizeof(reason),
		"the name %s does not resolve (%s): check the host in the configuration, and the "
		"box's name server",
		channel->host, detail);
	channel_broke(channel, -EHOSTUNREACH, reason);
}

static bool makes_sense(const struct skybus_session *session)
{
	if (!session->host || session->port == 0 || session->port > UINT16_MAX)
		return false;

	switch (session->security) {
	case SKYBUS_PLAIN:
		return true;
	case SKYBUS_PSK:
		return session->identity && session->key && session->key_len > 0;
	case SKYBUS_CERTIFICATE:
		return session->trust || session->trust_len == 0;
	default:
		return false;
	}
}

static void *copy_bytes(const void *data, size_t len)
{
	void *copy = malloc(len > 0 ? len : 1);

	if (copy && len > 0)
		memcpy(copy, data, len);

	return copy;
}

static int copy_key(struct sb_channel *channel, const struct skybus_session *session)
{
	channel->identity = copy_bytes(session->identity, session->identity_len);
	channel->key = copy_bytes(session->key, session->key_len);
	channel->identity_len = session->identity_len;
	channel->key_len = session->key_len;

	return channel->identity && channel->key ? 0 : -ENOMEM;
}

static int copy_trust(struct sb_channel *channel, const struct skybus_session *session)
{
	if (session->trust_len > 0) {
		channel->trust = copy_bytes(session->trust, session->trust_len);
		if (!channel->trust)
			return -ENOMEM;
		channel->trust_len = session->trust_len;
	}
	if (session->server_name) {
		channel->server_name = strdup(session->server_name);
		if (!channel->server_name)
			return -ENOMEM;
	}

	return 0;
}

static int copy_plan(struct sb_channel *channel, const struct sb_channel_plan *plan)
{
	const struct skybus_session *session = plan->session;

	channel->transport = plan->transport;
	channel->wire = plan->wire;
	channel->attempt = plan->attempt;
	channel->security = session->security;
	channel->port = (uint16_t)session->port;
	channel->host = strdup(session->host);
	if (!channel->host)
		return -ENOMEM;
	if (plan->interface) {
		channel->interface = strdup(plan->interface);
		if (!channel->interface)
			return -ENOMEM;
	}
	if (session->security == SKYBUS_PSK)
		return copy_key(channel, session);
	if (session->security == SKYBUS_CERTIFICATE)
		return copy_trust(channel, session);

	return 0;
}

/**
 * sb_channel_open() - begin to open a channel
 * @plan: lent
 * @changed: told of each step, never from within this call
 * @userdata: for @changed
 * @ret: the channel, the caller's; it may be freed from within @changed when it is broken
 *
 * Return: 0; -EINVAL for parameters that make no sense, -ENOMEM, -EAGAIN. @changed is not called then.
 */
int sb_channel_open(const struct sb_channel_plan *plan, sb_channel_fn *changed, void *userdata,
		    struct sb_channel **ret)
{
	SB_CLEANUP(sb_channel_free) struct sb_channel *channel = NULL;
	int r;

	if (!makes_sense(plan->session))
		return -EINVAL;

	channel = calloc(1, sizeof(*channel));
	if (!channel)
		return -ENOMEM;
	channel->changed = changed;
	channel->userdata = userdata;
	r = copy_plan(channel, plan);
	if (r < 0)
		return r;
	r = sb_resolver_ask(plan->resolver, channel->host, channel->port, channel_on_resolved,
			    channel, &channel->lookup);
	if (r < 0)
		return r;

	*ret = SB_STEAL(channel);

	return 0;
}

/**
 * sb_channel_free() - close a channel
 * @channel: may be NULL
 *
 * Return: NULL.
 */
struct sb_channel *sb_channel_free(struct sb_channel *channel)
{
	if (!channel)
		return NULL;

	(void)sb_lookup_cancel(channel->lookup);
	(void)sb_session_free(channel->session);
	if (channel->key)
		explicit_bzero(channel->key, channel->key_len);
	free(channel->key);
	free(channel->identity);
	free(channel->trust);
	free(channel->server_name);
	free(channel->interface);
	free(channel->host);
	free(channel);

	return NULL;
}

/**
 * sb_channel_session() - the session that carries a channel
 * @channel: the channel
 *
 * Return: lent until the channel is freed; NULL before it is connecting.
 */
struct sb_session *sb_channel_session(const struct sb_channel *channel)
{
	return channel->session;
}

/**
 * sb_channel_ends() - between what a channel is
 * @channel: the channel
 * @ret: filled
 */
void sb_channel_ends(const struct sb_channel *channel, struct sb_channel_ends *ret)
{
	*ret = (struct sb_channel_ends){
		.host = channel->host,
		.port = channel->port,
		.security = channel->security,
		.peer = channel->peer.sockaddr,
	};
	if (channel->session) {
		sb_session_local(channel->session, &ret->local);
		sb_session_facts(channel->session, &ret->facts);
	}
}

/**
 * sb_channel_explain() - why a request on this channel got no answer, for people
 * @channel: the channel
 * @outcome: the reply's, other than SKYBUS_ANSWERED
 * @waited_s: how long was waited for it, seconds
 * @ret_reason: the sentence
 * @size: its room, bytes
 */
void sb_channel_explain(const struct sb_channel *channel, uint32_t outcome, unsigned int waited_s,
			char *ret_reason, size_t size)
{
	const char *host = channel->host;
	unsigned int port = channel->port;

	switch (outcome) {
	case SKYBUS_UNREACHABLE:
		(void)snprintf(ret_reason, size,
			       "%s answers that nothing listens on UDP port %u: wrong port, or the "
			       "service is down",
			       host, port);
		break;
	case SKYBUS_RESET:
		(void)snprintf(ret_reason, size,
			       "%s:%u answered with a Reset: it does not know this session", host,
			       port);
		break;
	case SKYBUS_TIMEOUT:
	default:
		(void)snprintf(
			ret_reason, size,
			"no answer from %s:%u for %u s: wrong address, blocked UDP port, %s", host,
			port, waited_s,
			channel->security == SKYBUS_PSK
				? "no route, or a wrong key that the server meets with silence"
				: "or no route");
		break;
	}
}
