/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcoap gathers the blocks of a notification and acknowledges it. The rest of RFC 7641 is here: which of
 * two notifications is newer, when the observation is over, and how it is ended.
 *
 * What changes while its blocks are being fetched libcoap (4.3.1 to 4.3.5) does not get right: it asks for
 * the whole anew, under a token that it then does not know, or, where the blocks have no ETag, mixes them
 * and hands out single ones. Either shows, and then the observation is registered anew (section 3.3.1),
 * which brings the present state whole. But 4.3.4 and later may mix blocks without ETag so that nothing shows:
 * a cloud that changes large resources has to send one, as RFC 7959 section 2.4 wants.
 */
#include <errno.h>
#include <string.h>

#include "daemon/transport-exchange.h"

/* Section 3.4: what comes so much later is newer, whatever its number. */
#define FRESH_USEC (128 * SB_USEC_PER_SEC)
#define NUMBER_HALF (1u << 23)

/* A resource that changes all the time is not to be asked for all the time. */
#define RENEW_USEC SB_USEC_PER_SEC
#define ASTRAY_MAX 3

#define STOP_TIMEOUT_USEC (30 * SB_USEC_PER_SEC)

/* Of one session, so many may be on their way: those that were stopped before an answer came are so still. */
#define EXCHANGES_MAX 256

static void observation_renew(struct sb_exchange *exchange, bool astray)
{
	struct sb_observation *observation = &exchange->observation;

	if (!observation->request || !observation->established || exchange->outcome)
		return;
	observation->astray = observation->astray || astray;
	if (observation->renews || sb_timer_armed(&exchange->deadline))
		return;
	if (astray && observation->n_astray++ >= ASTRAY_MAX) {
		sb_exchange_end_soon(exchange, SKYBUS_ABANDONED);
		return;
	}
	observation->renews = true;
	sb_timer_arm(&exchange->deadline, RENEW_USEC);
}

/**
 * sb_exchanges_renew() - register all observations anew, soon
 * @exchanges: of an open session
 * @astray: what libcoap has of some may be mixed, and counts no more
 */
void sb_exchanges_renew(struct sb_exchanges *exchanges, bool astray)
{
	struct sb_exchange *exchange;

	TAILQ_FOREACH(exchange, &exchanges->all, entry)
		observation_renew(exchange, astray);
}

/**
 * sb_observation_awaits() - has an answer to come
 * @exchange: one that observes
 *
 * Return: false while there is just nothing new.
 */
bool sb_observation_awaits(const struct sb_exchange *exchange)
{
	return sb_timer_armed(&exchange->deadline) && !exchange->observation.renews;
}

/**
 * sb_observation_on_deadline() - the time of an exchange is over
 * @exchange: the exchange
 *
 * Return: whether it was time for something else, and it goes on.
 */
bool sb_observation_on_deadline(struct sb_exchange *exchange)
{
	struct sb_observation *observation = &exchange->observation;

	if (!observation->renews || exchange->outcome)
		return false;
	observation->renews = false;
	observation->astray = false;
	observation->numbered = false;
	/* libcoap forgets what it has of the blocks when it sees the token again. */
	if (sb_exchange_transmit(exchange, observation->request) < 0) {
		exchange->outcome = SKYBUS_ABANDONED;
		return false;
	}
	sb_timer_arm(&exchange->deadline, observation->timeout_usec);

	return true;
}

/* Tells the cloud (section 3.6), and waits for its answer, lest that be taken for somebody else's. */
static void send_stop(struct sb_exchange *exchange)
{
	struct sb_exchanges *exchanges = exchange->owner;
	coap_binary_t token = { sizeof(exchange->token), exchange->token };

	if (!coap_cancel_observe(exchanges->session, &token, COAP_MESSAGE_CON)) {
		(void)sb_exchange_free(exchange);
		return;
	}
	exchanges->traffic.sent += exchange->size + 1; /* Observe has a value now */
	sb_timer_arm(&exchange->deadline, STOP_TIMEOUT_USEC);
}

/**
 * sb_exchange_observe_stop() - nobody wants to know any more
 * @exchange: one that observes; its own from now on
 */
void sb_exchange_observe_stop(struct sb_exchange *exchange)
{
	struct sb_observation *observation = &exchange->observation;
	bool awaits = sb_observation_awaits(exchange);

	exchange->done = NULL;
	observation->request = NULL;
	observation->renews = false;
	/* There is nothing to end before the cloud has answered; if it never does, so be it. */
	if (!awaits)
		send_stop(exchange);
}

/**
 * sb_exchanges_observe_forget() - nobody wants to know any more, and nobody can be told
 * @exchanges: of a session that has broken
 * @exchange: one that observes; it may be gone already
 */
void sb_exchanges_observe_forget(struct sb_exchanges *exchanges, const struct sb_exchange *exchange)
{
	struct sb_exchange *there;

	TAILQ_FOREACH(there, &exchanges->all, entry) {
		if (there == exchange) {
			(void)sb_exchange_free(there);
			return;
		}
	}
}

static bool is_part(const coap_pdu_t *received)
{
	coap_opt_iterator_t iterator;
	const coap_opt_t *option = coap_check_option(received, COAP_OPTION_BLOCK2, &iterator);

	return option && (COAP_OPT_BLOCK_MORE(option) || coap_opt_block_num(option) > 0);
}

static bool read_number(const coap_pdu_t *received, uint32_t *ret)
{
	coap_opt_iterator_t iterator;
	const coap_opt_t *option = coap_check_option(received, COAP_OPTION_OBSERVE, &iterator);

	if (!option)
		return false;
	*ret = coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option));

	return true;
}

static bool is_newer(struct sb_observation *observation, uint32_t number, uint64_t now)
{
	uint32_t before = observation->number;
	bool newer = !observation->numbered || now > observation->numbered_at + FRESH_USEC ||
		     (before < number && number - before < NUMBER_HALF) ||
		     (before > number && before - number > NUMBER_HALF);

	if (newer) {
		observation->numbered = true;
		observation->number = number;
		observation->numbered_at = now;
	}

	return newer;
}

/**
 * sb_observation_takes() - a response came
 * @exchange: one that observes; may be gone when it takes it not
 * @received: the response
 * @reply: of it; observed is set if more may come
 *
 * Return: whether it is to be told.
 */
bool sb_observation_takes(struct sb_exchange *exchange, const coap_pdu_t *received,
			  struct skybus_reply *reply)
{
	struct sb_observation *observation = &exchange->observation;
	uint32_t number = 0;

	if (COAP_RESPONSE_CLASS(reply->code) != 2 || !read_number(received, &number))
		return true;
	if (!observation->request) {
		send_stop(exchange);
		return false;
	}
	observation->established = true;
	if (!observation->astray && !exchange->outcome) {
		observation->renews = false;
		sb_timer_disarm(&exchange->deadline);
	}
	if (is_part(received))
		observation_renew(exchange, true);
	if (exchange->outcome || observation->astray ||
	    !is_newer(observation, number, sb_loop_now(exchange->owner->loop)))
		return false;
	observation->n_astray = 0;
	reply->observed = 1;

	return true;
}

/**
 * sb_exchanges_observe() - observe a resource
 * @exchanges: of an open session
 * @request: with the option Observe; lent until @notified is told what is not observed, or it is stopped
 * @timeout_usec: when to stop waiting for an answer, µs from when it was asked for
 * @notified: called for each notification, never from within this call
 * @userdata: for @notified
 * @ret: the exchange; it is gone after a reply that is not observed
 *
 * Return: 0; -EMSGSIZE, -ENOMEM, -ENOTCONN, -ENOSPC when too much is on its way, and @notified is not called then.
 */
int sb_exchanges_observe(struct sb_exchanges *exchanges, const struct sb_request *request,
			 uint64_t timeout_usec, sb_reply_fn *notified, void *userdata,
			 struct sb_exchange **ret)
{
	const struct sb_observation observation = {
		.on = true,
		.request = request,
		.timeout_usec = timeout_usec,
	};
	struct sb_exchange *exchange;
	int r;

	if (exchanges->n >= EXCHANGES_MAX)
		return -ENOSPC;
	r = sb_exchanges_send(exchanges, request, timeout_usec, notified, userdata);
	if (r < 0)
		return r;
	exchange = TAILQ_LAST(&exchanges->all, sb_exchange_list);
	exchange->observation = observation;
	*ret = exchange;

	return 0;
}
