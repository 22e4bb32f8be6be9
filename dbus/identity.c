/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sd_bus_query_sender_creds() would tell the same, but waits for the bus.
 *
 * One match rule tells of every name that vanishes. A rule for each connection would be exact, but
 * the bus daemon allows 512 of them. Unique names are never used again, so one that is remembered
 * for too long does no harm.
 *
 * A caller may have gone before the bus was asked: dbus-send does not stay unless it is to print the
 * reply. Nobody can tell any more whose call it was, but it was a good one, so it is carried out as
 * nobody's; all that is nobody's shares one account, so that nobody escapes the bounds by hanging up.
 * It is the same when the bus itself goes: the question then ends with an error. If only its unit was not known
 * yet, the call is its user's, without the unit.
 */
#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/access.h"
#include "daemon/cleanup.h"
#include "daemon/error.h"
#include "daemon/log.h"
#include "daemon/message.h"
#include "dbus/credentials.h"
#include "dbus/identity.h"
#include "dbus/reply.h"

#define DRIVER "org.freedesktop.DBus"
#define DRIVER_PATH "/org/freedesktop/DBus"

/* One connection: known, or asked for with calls that wait. */
struct sb_identity_peer {
	struct sb_identities *all; /* NULL until it is in the tree */
	char *name;
	struct sb_identity identity;
	bool told; /* who it is, by the bus */
	bool unit_sought;
	bool asked; /* for something: its calls wait */
	sd_bus_slot *question; /* to the bus */
	struct sb_unit_question unit;
	struct sb_deferred deferred;
	TAILQ_ENTRY(sb_identity_peer) entry; /* of known or asked */
};

static struct sb_identity_peer *peer_free(struct sb_identity_peer *peer);

SB_DEFINE_CLEANUP(struct sb_identity_peer *, peer_free)

static int compare_names(const void *a, const void *b)
{
	const struct sb_identity_peer *left = a;
	const struct sb_identity_peer *right = b;

	return strcmp(left->name, right->name);
}

/* ---- one connection -------------------------------------------------------------------------- */

static struct sb_identity_peer *peer_find(const struct sb_identities *all, const char *name)
{
	struct sb_identity_peer key = { .name = (char *)name };
	struct sb_identity_peer *const *found = tfind(&key, &all->by_name, compare_names);

	return found ? *found : NULL;
}

static struct sb_identity_peer *peer_free(struct sb_identity_peer *peer)
{
	if (!peer)
		return NULL;

	if (peer->all) {
		if (peer->asked)
			TAILQ_REMOVE(&peer->all->asked, peer, entry);
		else
			TAILQ_REMOVE(&peer->all->known, peer, entry);
		(void)tdelete(peer, &peer->all->by_name, compare_names);
		peer->all->n--;
	}
	(void)sd_bus_slot_unref(peer->question);
	sb_unit_question_drop(&peer->unit);
	sb_identity_done(&peer->identity);
	free(peer->name);
	free(peer);

	return NULL;
}

static void peer_gone(struct sb_identity_peer *peer)
{
	if (peer->deferred.n > 0)
		sb_log(LOG_DEBUG, "%s hung up before %s: its %zu calls are %s", peer->name,
		       peer->told ? "its unit was known" : "the bus said who it is",
		       peer->deferred.n, peer->told ? "its user's, without a unit" : "nobody's");
	sb_deferred_carry_out(&peer->deferred, &peer->identity);
	(void)peer_free(peer);
}

/* ---- who it is ------------------------------------------------------------------------------- */

static void peer_known(struct sb_identity_peer *peer)
{
	TAILQ_REMOVE(&peer->all->asked, peer, entry);
	peer->asked = false;
	TAILQ_INSERT_TAIL(&peer->all->known, peer, entry);
	sb_deferred_carry_out(&peer->deferred, &peer->identity);
}

static void unit_on_answered(struct sb_unit_question *question, int r)
{
	struct sb_identity_peer *peer = sb_container_of(question, struct sb_identity_peer, unit);

	peer->unit_sought = r >= 0;
	peer->identity.unit = SB_STEAL(question->unit);
	peer_known(peer);
}

/* What could not be found out now may be later; who calls meanwhile has no unit. */
static bool wants_unit(const struct sb_identity_peer *peer)
{
	const struct sb_identities *all = peer->all;

	return !peer->unit_sought && sb_units_can_ask(&all->units) &&
	       sb_access_needs_unit(all->access, &peer->identity);
}

/* Whether there is more to wait for. */
static bool read_answer(struct sb_identity_peer *peer, sd_bus_message *reply)
{
	struct sb_process process;
	int r = 0;

	sb_identity_done(&peer->identity);
	peer->identity = sb_credentials_read(reply, peer->name, &process);
	peer->told = true;
	if (wants_unit(peer)) {
		r = sb_unit_question_put(&peer->unit, &peer->all->units, &process,
					 peer->identity.uid, unit_on_answered);
		peer->unit_sought = r >= 0;
	}

	return r > 0;
}

static int peer_on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct sb_identity_peer *peer = userdata;
	bool waits = false;

	(void)error;
	if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NAME_HAS_NO_OWNER)) {
		peer_gone(peer);
		return 0;
	}

	/* What it has told before holds. */
	if (!peer->told || !sd_bus_message_is_method_error(reply, NULL))
		waits = read_answer(peer, reply);
	peer->question = sd_bus_slot_unref(peer->question);
	if (!waits)
		peer_known(peer);

	return 0;
}

static int ask_bus(struct sb_identities *all, struct sb_identity_peer *peer)
{
	int r;

	r = sd_bus_call_method_async(all->connection, &peer->question, DRIVER, DRIVER_PATH, DRIVER,
				     "GetConnectionCredentials", peer_on_answer, peer, "s",
				     peer->name);
	if (r < 0)
		return r;
	peer->asked = true;

	return 0;
}

/* It is known but for its unit: which process it is, the bus has to say again. */
static int ask_again(struct sb_identity_peer *peer)
{
	struct sb_identities *all = peer->all;
	int r;

	r = ask_bus(all, peer);
	if (r < 0)
		return r;
	TAILQ_REMOVE(&all->known, peer, entry);
	TAILQ_INSERT_TAIL(&all->asked, peer, entry);

	return 0;
}

static int make_room(struct sb_identities *all)
{
	struct sb_identity_peer *oldest = TAILQ_FIRST(&all->known);

	if (all->n < all->max)
		return 0;
	if (!oldest)
		return -ENOBUFS;
	(void)peer_free(oldest);

	return 0;
}

static int peer_new(struct sb_identities *all, const char *name, struct sb_identity_peer **ret)
{
	SB_CLEANUP(peer_free) struct sb_identity_peer *peer = calloc(1, sizeof(*peer));
	int r;

	if (!peer)
		return -ENOMEM;
	sb_deferred_init(&peer->deferred, &all->deferred_bytes);
	peer->identity.uid = SB_NO_OWNER;
	peer->name = strdup(name);
	if (!peer->name)
		return -ENOMEM;
	r = make_room(all);
	if (r < 0)
		return r;
	r = ask_bus(all, peer);
	if (r < 0)
		return r;
	if (!tsearch(peer, &all->by_name, compare_names))
		return -ENOMEM;
	peer->all = all;
	all->n++;
	TAILQ_INSERT_TAIL(&all->asked, peer, entry);

	*ret = SB_STEAL(peer);

	return 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int identities_on_gone(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct sb_identities *all = userdata;
	struct sb_identity_peer *peer;
	const char *name;
	int r;

	(void)error;
	r = sd_bus_message_read_basic(message, SD_BUS_TYPE_STRING, &name);
	if (r < 0)
		return r;
	peer = peer_find(all, name);
	if (peer)
		peer_gone(peer);

	return 0;
}

static int identities_on_watched(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
	(void)userdata;
	(void)error;
	if (sd_bus_message_is_method_error(answer, NULL))
		sb_log(LOG_DEBUG,
		       "the bus does not tell which connections end (%s): those are "
		       "remembered until others take their place",
		       sd_bus_message_get_error(answer)->message);

	return 0;
}

/**
 * sb_identities_init() - nobody is known
 * @all: to be set up
 * @connection: lent
 * @loop: outlives @all
 * @access: whose rules say if units matter; outlives @all
 * @max: how many connections to remember
 *
 * Return: 0, or a negative errno.
 */
int sb_identities_init(struct sb_identities *all, sd_bus *connection, struct sb_loop *loop,
		       const struct sb_access *access, size_t max)
{
	int r;

	*all = (struct sb_identities){ .connection = connection, .access = access, .max = max };
	sb_units_init(&all->units, connection, loop);
	TAILQ_INIT(&all->known);
	TAILQ_INIT(&all->asked);
	r = sd_bus_add_match_async(connection, &all->gone,
				   "type='signal',sender='" DRIVER "',path='" DRIVER_PATH
				   "',interface='" DRIVER "',member='NameOwnerChanged',arg2=''",
				   identities_on_gone, identities_on_watched, all);

	return r < 0 ? r : 0;
}

/**
 * sb_identities_done() - forget everybody; calls that were put aside get an error
 * @all: set up, or zeroed
 */
void sb_identities_done(struct sb_identities *all)
{
	struct sb_identity_peer *peer;
	struct sb_error why;

	(void)sb_error_set(&why, SB_ERROR_FAILED, "skybusd is ending: call again when it is back");
	while ((peer = TAILQ_FIRST(&all->asked))) {
		sb_deferred_refuse(&peer->deferred, &why);
		(void)peer_free(peer);
	}
	while ((peer = TAILQ_FIRST(&all->known)))
		(void)peer_free(peer);
	sb_units_done(&all->units);
	all->gone = sd_bus_slot_unref(all->gone);
}

static int refuse(sd_bus_message *call, int r)
{
	struct sb_error why;

	if (r != -ENOBUFS)
		return r;
	(void)sb_error_set(&why, SB_ERROR_QUEUE_FULL,
			   "too many calls, or too large ones, wait for the bus to say who made "
			   "them: call again soon");

	return sb_bus_reply_error(call, &why);
}

/**
 * sb_identities_ask() - deal with a method call as soon as it is known who made it
 * @all: all identities
 * @call: the method call, of which nothing has been read; a reference is taken if it has to wait
 * @handle: called from within this call if the sender is known, else later, for nobody if the
 *	sender or the bus goes first; not at all if there is no room for the call to wait, which is
 *	then refused
 * @userdata: for @handle; if it goes earlier than @all, see sb_identities_forget()
 *
 * Return: as a method handler of sd-bus: >= 0, or a negative errno, which is to be replied.
 */
int sb_identities_ask(struct sb_identities *all, sd_bus_message *call, sb_identified_fn *handle,
		      void *userdata)
{
	const char *name = sd_bus_message_get_sender(call);
	struct sb_identity_peer *peer = peer_find(all, name);
	int r;

	if (peer && !peer->asked && wants_unit(peer)) {
		r = ask_again(peer);
		if (r < 0)
			return r;
	}
	if (peer && !peer->asked) {
		TAILQ_REMOVE(&all->known, peer, entry);
		TAILQ_INSERT_TAIL(&all->known, peer, entry);
		return handle(call, userdata, &peer->identity);
	}
	if (!peer) {
		r = peer_new(all, name, &peer);
		if (r < 0)
			return refuse(call, r);
	}
	r = sb_deferred_add(&peer->deferred, call, handle, userdata);

	return r < 0 ? refuse(call, r) : r;
}

/**
 * sb_identities_find() - who is behind a connection, if that is known
 * @all: all identities
 * @name: its unique name
 *
 * Return: lent until the loop runs again; NULL if the bus was not asked, or has not answered, or if the answer
 * was forgotten for the sake of others.
 */
const struct sb_identity *sb_identities_find(const struct sb_identities *all, const char *name)
{
	const struct sb_identity_peer *peer = peer_find(all, name);

	return peer && peer->told ? &peer->identity : NULL;
}

/**
 * sb_identities_forget() - refuse calls that were put aside, since what they are about goes
 * @all: all identities
 * @userdata: what sb_identities_ask() was given with them
 * @why: what their callers are told
 */
void sb_identities_forget(struct sb_identities *all, const void *userdata,
			  const struct sb_error *why)
{
	struct sb_identity_peer *peer;

	TAILQ_FOREACH(peer, &all->asked, entry)
		sb_deferred_refuse_about(&peer->deferred, userdata, why);
}
