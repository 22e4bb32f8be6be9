/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Silence is not the plugin's business. A message that nobody answered makes the link suspected, and so
 * does the network's word that nobody listens: nothing more is sent, one ping goes out, and only when that
 * gets no answer, nor anything else does, is the session given up.
 *
 * Each message has a deadline of ours, so a dead session is noticed whatever libcoap believes: 62 to 93 s of
 * retransmissions and the ping after the message was sent, and ANSWER_TIMEOUT_USEC of flight.c and the ping at
 * the latest. A link on which nothing is sent is left alone unless its plugin wants a keepalive: a ping
 * costs the modem's bytes, and a login where the cloud does not answer pings; what is sent next will tell.
 */
#include "daemon/flight-item.h"
#include "daemon/link-private.h"

/* So many rounds in a row may bring no answer from a cloud that answers pings. */
#define SILENCES_MAX 3

#define PING_TIMEOUT_USEC (10 * SB_USEC_PER_SEC)

/*
 * A session that takes nothing for so long is suspected, too: the box may have another address by now, and
 * then the old one's socket never sends again. Not at once, for the network may only be being configured.
 */
#define UNSENT_USEC (30 * SB_USEC_PER_SEC)

static void on_ping_reply(void *userdata, const struct skybus_reply *reply);

static void ping(struct sb_flight *flight)
{
	struct sb_link *link = flight->link;
	int r;

	flight->pinging = true;
	flight->pinged_at = sb_loop_now(link->parts.loop);
	r = sb_session_ping(sb_channel_session(link->channel), PING_TIMEOUT_USEC, on_ping_reply,
			    flight);
	if (r < 0)
		sb_link_on_lost(link, SB_TROUBLE_OTHER, "the session cannot send any more");
	else
		sb_link_attempt_on_sent(link);
}

static void on_ping_answered(struct sb_flight *flight)
{
	sb_link_on_answer(flight->link);
	if (flight->silences >= SILENCES_MAX)
		sb_link_on_lost(flight->link, SB_TROUBLE_OTHER,
				"the cloud answers pings, but not what it is sent");
	else
		sb_flight_pump(flight);
}

static void on_ping_unanswered(struct sb_flight *flight, uint32_t outcome)
{
	struct sb_link *link = flight->link;
	uint64_t quiet = sb_loop_now(link->parts.loop) - link->login.answered_at;
	char reason[SB_LINK_REASON_MAX];

	if (!flight->suspected)
		return;
	/* The cloud has answered since, and fallen silent again: this ping is not about that silence. */
	if (link->login.answered_at > flight->pinged_at) {
		ping(flight);
		return;
	}
	sb_channel_explain(link->channel, outcome, (unsigned int)(quiet / SB_USEC_PER_SEC), reason,
			   sizeof(reason));
	sb_link_on_lost(link, sb_trouble_of_outcome(outcome), reason);
}

static void on_ping_reply(void *userdata, const struct skybus_reply *reply)
{
	struct sb_flight *flight = userdata;

	flight->pinging = false;
	if (reply->outcome == SKYBUS_ANSWERED)
		on_ping_answered(flight);
	else
		on_ping_unanswered(flight, reply->outcome);
}

/**
 * sb_flight_suspect() - ask the cloud for a sign of life, and send nothing else until it comes
 * @flight: of a link that is online
 *
 * What is under way stays so: it may yet be answered.
 */
void sb_flight_suspect(struct sb_flight *flight)
{
	flight->suspected = true;
	if (!flight->pinging)
		ping(flight);
}

/**
 * sb_flight_on_answer() - the cloud answered something, which is as good a sign of life as a ping's answer
 * @flight: the flight; the caller pumps it
 */
void sb_flight_on_answer(struct sb_flight *flight)
{
	flight->suspected = false;
}

/**
 * sb_flight_on_silence() - nobody answered
 * @item: not under way any more; back where it came from afterwards, or freed
 * @outcome: the reply's, other than SKYBUS_ANSWERED
 */
void sb_flight_on_silence(struct sb_flight_item *item, uint32_t outcome)
{
	struct sb_flight *flight = item->flight;

	sb_window_on_loss(&flight->window, item->sent_at, sb_loop_now(flight->link->parts.loop));
	/* All that falls silent before the ping has told is one round. */
	if (outcome != SKYBUS_RESET && !flight->suspected)
		flight->silences++;
	/* A Reset says that it was not taken; else nobody knows, and a request is not sent twice. */
	if (item->kind == SB_ITEM_REQUEST && outcome != SKYBUS_RESET)
		sb_item_tell_error(item, SB_ERROR_TIMEOUT, sb_item_unanswered);
	sb_batch_on_silence(&flight->batch, item);
	sb_item_return(item);
	if (outcome == SKYBUS_RESET)
		sb_login_needed(flight->link, "the cloud does not know the session", 0);
	else
		sb_flight_suspect(flight);
}

/**
 * sb_flight_on_unsent() - the session did not take what was to be sent
 * @flight: of a link that is online; a session that is breaking says so by itself, and soon
 *
 * Return: whether the session is suspected now.
 */
bool sb_flight_on_unsent(struct sb_flight *flight)
{
	uint64_t now = sb_loop_now(flight->link->parts.loop);

	if (flight->unsent_since == 0)
		flight->unsent_since = now;
	if (now - flight->unsent_since < UNSENT_USEC)
		return false;
	sb_flight_suspect(flight);

	return true;
}
