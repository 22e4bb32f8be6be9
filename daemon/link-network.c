/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a link makes of a change of the box's network. It looks by which way a packet to its cloud would leave
 * the box now. As long as that is the way of its session nothing happens, and nothing is sent: a login costs
 * bytes that somebody pays for. If it is another one, or there is none, the session is dead although nobody has
 * noticed yet, and is given up; and a link that waits because it could not get through need not wait longer.
 *
 * How often that is worth a login is in daemon/backoff.h.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/link-private.h"

/* ---- the way ---- */

static bool is_watched(const struct sb_link *link)
{
	return link->parts.netwatch != NULL;
}

static const struct sockaddr *peer_of(const struct sb_link *link)
{
	const void *peer = &link->path.peer;

	return link->path.peer.ss_family != AF_UNSPEC ? peer : NULL;
}

/* To the last peer, or else to anywhere: its name may lead to another address there. */
static int look(const struct sb_link *link, struct sb_way *ret)
{
	int r = sb_way_find(peer_of(link), sb_link_interface(link), ret);

	if (r == -ENETUNREACH && peer_of(link))
		r = sb_way_find(NULL, sb_link_interface(link), ret);

	return r;
}

static void set_way(struct sb_link *link, int error, const struct sb_way *way)
{
	link->path.error = error;
	if (error < 0)
		link->path.way = (struct sb_way){ 0 };
	else
		link->path.way = *way;
}

/**
 * sb_path_look() - note by which way the packets of a link would leave the box
 * @link: without session
 */
void sb_path_look(struct sb_link *link)
{
	struct sb_way way;

	if (is_watched(link))
		set_way(link, look(link, &way), &way);
}

/*
 * Rules for ports, marks or processes may let the session's socket go another way than the kernel says when it
 * is asked. Then what it says is of no use, and only the address tells.
 */
static void look_for_session(struct sb_link *link, const struct sockaddr *local)
{
	struct in6_addr from;
	struct sb_way way = { 0 };
	int r = sb_way_find(peer_of(link), sb_link_interface(link), &way);

	sb_way_address(local, &from);
	link->path.blind = r < 0 || !IN6_ARE_ADDR_EQUAL(&from, &way.from);
	way.from = from;
	set_way(link, 0, &way);
}

/**
 * sb_path_on_channel() - note where the channel leads
 * @link: its channel has changed
 * @state: of the channel
 */
void sb_path_on_channel(struct sb_link *link, enum sb_channel_state state)
{
	struct sb_channel_ends ends;

	if (!is_watched(link))
		return;
	sb_channel_ends(link->channel, &ends);
	if (ends.peer.ss_family != AF_UNSPEC)
		link->path.peer = ends.peer;
	if (state == SB_CHANNEL_CONNECTING)
		look_for_session(link, (const struct sockaddr *)(const void *)&ends.local);
}

/* What one interface is to carry must come from an address of its own: a modem is up before it has one. */
static bool has_address(const struct sb_link *link)
{
	int home;

	if (!sb_link_interface(link))
		return true;
	home = sb_way_home(&link->path.way.from);

	return home < 0 || (unsigned int)home == link->path.way.interface;
}

/* As it was seen last. What is not known may be good. */
static bool is_usable(const struct sb_link *link)
{
	if (link->path.error < 0)
		return !sb_way_is_none(link->path.error);

	return link->path.way.carrier && has_address(link);
}

/**
 * sb_path_is_lost() - look whether there is no way to the cloud
 * @link: without session
 *
 * Return: whether there is none, so that a failure says nothing, and it is of no use to try until there is one.
 */
bool sb_path_is_lost(struct sb_link *link)
{
	sb_path_look(link);

	return is_watched(link) && !link->path.blind && !is_usable(link);
}

/**
 * sb_path_explains() - is it the network that has ended a channel
 * @error: of the channel
 *
 * Return: whether it is; and not a cloud that refuses us, or a box that has run out of something.
 */
bool sb_path_explains(int error)
{
	switch (-error) {
	case ETIMEDOUT:
	case ECONNREFUSED:
	case ECONNRESET:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
	case ENODEV:
		return true;
	default:
		return false;
	}
}

/**
 * sb_path_lacks() - why not
 * @link: its way is not usable
 * @ret_text: a few words
 * @size: room for them, bytes
 *
 * Return: @ret_text.
 */
const char *sb_path_lacks(const struct sb_link *link, char *ret_text, size_t size)
{
	const char *interface = sb_link_interface(link);
	const struct sb_way *way = &link->path.way;

	if (link->path.error == -ENODEV && interface)
		(void)snprintf(ret_text, size, "there is no interface %s", interface);
	else if (link->path.error < 0 && interface)
		(void)snprintf(ret_text, size, "no way through %s", interface);
	else if (link->path.error < 0)
		(void)snprintf(ret_text, size, "no route");
	else
		(void)snprintf(ret_text, size, "%s has no %s", way->name,
			       way->carrier ? "address" : "carrier");

	return ret_text;
}

/* ---- a change ---- */

/* An address that the system prefers now is no reason to leave another that is still good: IPv6 has many. */
static bool is_way_of_session(const struct sb_way *session, const struct sb_way *now)
{
	int home;

	if (session->interface != now->interface)
		return false;
	if (IN6_ARE_ADDR_EQUAL(&session->from, &now->from))
		return true;
	home = sb_way_home(&session->from);

	return home < 0 || (unsigned int)home == now->interface;
}

static void tell_new_way(const struct sb_link *link, const struct sb_way *now, const char *host,
			 char *reason, size_t size)
{
	const struct sb_way *before = &link->path.way;
	char from[INET6_ADDRSTRLEN];
	char former[INET6_ADDRSTRLEN];

	if (IN6_ARE_ADDR_EQUAL(&before->from, &now->from) && strcmp(before->name, now->name) == 0)
		(void)snprintf(reason, size,
			       "the network has changed: %s, by which this box reaches %s, has "
			       "gone and come again",
			       now->name, host);
	else
		(void)snprintf(reason, size,
			       "the network has changed: this box now reaches %s from %s by %s, "
			       "not from %s by %s",
			       host, sb_way_print(&now->from, from), now->name,
			       sb_way_print(&before->from, former), before->name);
}

/*
 * Through the pace, and without wait if the network has not changed all too often. The link counts as up
 * meanwhile, as with every other login that follows a session.
 */
static void connect_anew(struct sb_link *link, const char *reason)
{
	uint64_t now = sb_loop_now(link->parts.loop);
	char text[SB_LINK_REASON_MAX + 32];

	if (sb_hurry_at(&link->hurry, now) > now) {
		sb_flight_refuse(&link->flight, SB_ERROR_NOT_ONLINE, reason);
		sb_link_backoff_begin(link, true, reason, 0);
		sb_link_backoff_hurry(link);
		sb_report(link, SB_EVENT_LINK_LOST, reason, 0);
		return;
	}
	sb_hurry_take(&link->hurry, now);
	(void)snprintf(text, sizeof(text), "%s; connecting anew", reason);
	sb_link_come_up(link, true, text);
	sb_report(link, SB_EVENT_LINK_REROUTED, text, 0);
}

/* What is in flight goes back to the queue. @reason is not one that goes away with the session. */
static void give_up(struct sb_link *link, const char *reason)
{
	sb_attempts_note_trouble(&link->attempts, SB_TROUBLE_NETWORK);
	sb_link_attempt_end(link, reason, 0);
	sb_link_leave_online(link);
	sb_link_set_error(link, reason);
	if (link->path.blind || is_usable(link)) {
		connect_anew(link, reason);
		return;
	}
	sb_flight_refuse(&link->flight, SB_ERROR_NOT_ONLINE, reason);
	sb_link_backoff_await(link, reason, 0);
	sb_report(link, SB_EVENT_LINK_LOST, reason, 0);
}

static void check_address_of_session(struct sb_link *link)
{
	const struct in6_addr *from = &link->path.way.from;
	struct sb_channel_ends ends;
	char reason[SB_LINK_REASON_MAX];
	char text[INET6_ADDRSTRLEN];

	if (IN6_IS_ADDR_UNSPECIFIED(from) || sb_way_home(from) != 0)
		return;
	sb_channel_ends(link->channel, &ends);
	(void)snprintf(reason, sizeof(reason),
		       "the network has changed: this box no more has %s, from which it reached %s",
		       sb_way_print(from, text), ends.host);
	sb_path_look(link);
	give_up(link, reason);
}

static void check_way_of_session(struct sb_link *link)
{
	struct sb_channel_ends ends;
	char reason[SB_LINK_REASON_MAX];
	struct sb_way now;
	int r = sb_way_find(peer_of(link), sb_link_interface(link), &now);

	if (r < 0 && !sb_way_is_none(r))
		return;
	if (r == 0 && is_way_of_session(&link->path.way, &now))
		return;

	sb_channel_ends(link->channel, &ends);
	if (r == 0) {
		tell_new_way(link, &now, ends.host, reason, sizeof(reason));
		set_way(link, 0, &now);
	} else {
		(void)snprintf(reason, sizeof(reason),
			       "the network has changed, and leads to %s no more", ends.host);
		sb_path_look(link);
	}
	give_up(link, reason);
}

static void check_session(struct sb_link *link)
{
	if (link->path.blind)
		check_address_of_session(link);
	else
		check_way_of_session(link);
}

/* Looks anew; whether there is another way than before. If it cannot be asked, all is as before. */
static bool has_changed(struct sb_link *link)
{
	const struct sb_path before = link->path;

	sb_path_look(link);
	if (link->path.error < 0 && !sb_way_is_none(link->path.error)) {
		link->path = before;
		return false;
	}

	return before.error != link->path.error || !sb_way_equal(&before.way, &link->path.way);
}

/**
 * sb_link_on_network() - the box's network may have changed
 * @link: in any state
 */
void sb_link_on_network(struct sb_link *link)
{
	switch (link->state) {
	case SB_LINK_DISABLED:
	case SB_LINK_FAILED:
		break;
	case SB_LINK_BACKOFF:
		if (has_changed(link) && is_usable(link))
			sb_link_backoff_hurry(link);
		break;
	case SB_LINK_STARTING:
	case SB_LINK_RESOLVING:
	case SB_LINK_CONNECTING:
	case SB_LINK_AUTHENTICATING:
	case SB_LINK_ONLINE:
		if (link->channel && sb_channel_session(link->channel))
			check_session(link);
		else if (has_changed(link) && link->login.under_way)
			give_up(link, "the network has changed while the link was logging in");
		break;
	}
}
