/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/address.h"
#include "sim/sender.h"

static bool is_shaking(const struct sim_sender *sender)
{
	return sender->identity && !sender->stands;
}

/**
 * sim_senders_init() - nobody has sent anything
 * @senders: where
 */
void sim_senders_init(struct sim_senders *senders)
{
	LIST_INIT(&senders->all);
	senders->n_shaking = 0;
}

/**
 * sim_senders_done() - forget all senders
 * @senders: their sessions have ended
 */
void sim_senders_done(struct sim_senders *senders)
{
	struct sim_sender *sender;

	while ((sender = LIST_FIRST(&senders->all))) {
		sender->session = NULL;
		(void)sim_sender_free(senders, sender);
	}
}

/**
 * sim_senders_look() - see which handshakes have succeeded
 * @senders: all of them
 *
 * libcoap has an event for that, but does not always send it to a server.
 */
void sim_senders_look(struct sim_senders *senders)
{
	struct sim_sender *sender;

	if (senders->n_shaking == 0)
		return;

	LIST_FOREACH(sender, &senders->all, entry)
	if (coap_session_get_state(sender->session) == COAP_SESSION_STATE_ESTABLISHED)
		sim_sender_stand(senders, sender);
}

static struct sim_sender *sender_new(struct sim_senders *senders, coap_session_t *session)
{
	struct sim_sender *sender = calloc(1, sizeof(*sender));
	unsigned char name[SIM_ADDRESS_TEXT] = "";

	if (!sender)
		return NULL;

	LIST_INSERT_HEAD(&senders->all, sender, entry);
	(void)coap_print_addr(coap_session_get_addr_remote(session), name, sizeof(name));
	sender->peer = sim_peer_new((const char *)name);
	if (!sender->peer)
		return sim_sender_free(senders, sender);

	sender->session = session;
	coap_session_set_app_data(session, sender);

	return sender;
}

/**
 * sim_sender_of() - whom a session is with
 * @senders: all of them
 * @session: gets a sender if it has none
 *
 * Return: the sender, lent until its session ends; NULL without memory.
 */
struct sim_sender *sim_sender_of(struct sim_senders *senders, coap_session_t *session)
{
	struct sim_sender *sender = coap_session_get_app_data(session);

	return sender ? sender : sender_new(senders, session);
}

/**
 * sim_sender_free() - forget a sender
 * @senders: all of them
 * @sender: may be half-built
 *
 * Return: NULL.
 */
struct sim_sender *sim_sender_free(struct sim_senders *senders, struct sim_sender *sender)
{
	senders->n_shaking -= is_shaking(sender) ? 1 : 0;
	if (sender->session)
		coap_session_set_app_data(sender->session, NULL);
	LIST_REMOVE(sender, entry);
	(void)sim_peer_free(sender->peer);
	free(sender->identity);
	free(sender);

	return NULL;
}

/**
 * sim_sender_identify() - a sender says who it is, in its handshake
 * @senders: all of them
 * @sender: has not said so before
 * @identity: copied
 *
 * Return: 0; -EINVAL when it is too long, or no text; -ENOMEM.
 */
int sim_sender_identify(struct sim_senders *senders, struct sim_sender *sender,
			const coap_bin_const_t *identity)
{
	if (identity->length >= SIM_IDENTITY_SIZE || memchr(identity->s, '\0', identity->length))
		return -EINVAL;

	sender->identity = strndup((const char *)identity->s, identity->length);
	if (!sender->identity)
		return -ENOMEM;
	senders->n_shaking++;

	return 0;
}

/**
 * sim_sender_stand() - a sender's handshake has succeeded, or it needs none
 * @senders: all of them
 * @sender: may stand already
 */
void sim_sender_stand(struct sim_senders *senders, struct sim_sender *sender)
{
	senders->n_shaking -= is_shaking(sender) ? 1 : 0;
	sender->stands = true;
}
