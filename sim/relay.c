/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

#include "sim/cleanup.h"
#include "sim/relay.h"

/**
 * Clients that are served at once; beyond it the one silent for longest gives way. Well below 1024,
 * as libcoap with GnuTLS cannot have a DTLS socket whose number is beyond that.
 */
#define MAX_CLIENTS 512

/** Datagrams that are on their way at once, in both directions; beyond it they are lost. */
#define MAX_HELD 2048

/** The largest datagram. */
#define DATAGRAM_MAX 65536

/** How many datagrams are read before the others of the loop have their turn. */
#define BATCH 32

/** A millisecond, for sd-event. */
#define MS UINT64_C(1000)

/**
 * struct client - whoever sends to the relay
 * @relay: whose
 * @address: its own
 * @fd: of the socket towards the door
 * @source: of @fd
 * @entry: among the relay's, the one heard of last at the end
 */
struct client {
	struct sim_relay *relay;
	struct sim_address address;
	int fd;
	sd_event_source *source;
	TAILQ_ENTRY(client) entry;
};

/**
 * struct held - a datagram that is late
 * @client: whose
 * @inward: whether it goes to the door
 * @timer: when it goes on
 * @entry: among the relay's
 * @len: of @data, bytes
 * @data: the datagram
 */
struct held {
	struct client *client;
	bool inward;
	sd_event_source *timer;
	LIST_ENTRY(held) entry;
	size_t len;
	uint8_t data[];
};

/**
 * struct sim_relay - a port, and a door behind it
 * @event: the loop
 * @behind: where the door is
 * @impair: of both directions
 * @fd: of the port
 * @source: of @fd
 * @clients: all that were heard of
 * @n_clients: how many
 * @held: what is late
 * @n_held: how many
 * @buffer: for the datagram that is being read
 */
struct sim_relay {
	sd_event *event;
	struct sim_address behind;
	struct sim_impair impair;
	int fd;
	sd_event_source *source;
	TAILQ_HEAD(client_list, client) clients;
	size_t n_clients;
	LIST_HEAD(, held) held;
	size_t n_held;
	uint8_t buffer[DATAGRAM_MAX];
};

/* ---- Datagrams ------------------------------------------------------------------------------- */

/* What cannot be sent is lost, as on every network. */
static void hand_on(struct client *client, bool inward, const uint8_t *data, size_t len)
{
	if (inward)
		(void)send(client->fd, data, len, MSG_NOSIGNAL);
	else
		(void)sendto(client->relay->fd, data, len, MSG_NOSIGNAL, &client->address.any,
			     client->address.len);
}

static struct held *held_free(struct held *held)
{
	LIST_REMOVE(held, entry);
	held->client->relay->n_held--;
	(void)sd_event_source_disable_unref(held->timer);
	free(held);

	return NULL;
}

static int held_on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct held *held = userdata;

	(void)source;
	(void)usec;
	hand_on(held->client, held->inward, held->data, held->len);
	(void)held_free(held);

	return 0;
}

static void hold(struct client *client, bool inward, size_t len, uint32_t delay_ms)
{
	struct sim_relay *relay = client->relay;
	struct held *held;

	if (relay->n_held == MAX_HELD)
		return;
	held = malloc(sizeof(*held) + len);
	if (!held)
		return;

	*held = (struct held){ .client = client, .inward = inward, .len = len };
	memcpy(held->data, relay->buffer, len);
	LIST_INSERT_HEAD(&relay->held, held, entry);
	relay->n_held++;
	if (sd_event_add_time_relative(relay->event, &held->timer, CLOCK_MONOTONIC, delay_ms * MS,
				       MS, held_on_time, held) < 0)
		(void)held_free(held);
}

/* Takes what is in the buffer. */
static void impair(struct client *client, bool inward, size_t len)
{
	struct sim_relay *relay = client->relay;
	uint32_t delays_ms[SIM_COPIES_MAX];
	size_t n = sim_impair_copies(&relay->impair, delays_ms);

	for (size_t i = 0; i < n; i++) {
		if (delays_ms[i] > 0)
			hold(client, inward, len, delays_ms[i]);
		else
			hand_on(client, inward, relay->buffer, len);
	}
}

/* ---- Clients --------------------------------------------------------------------------------- */

static struct client *client_free(struct client *client)
{
	struct sim_relay *relay = client->relay;
	struct held *held = LIST_FIRST(&relay->held), *next;

	for (; held; held = next) {
		next = LIST_NEXT(held, entry);
		if (held->client == client)
			(void)held_free(held);
	}
	TAILQ_REMOVE(&relay->clients, client, entry);
	relay->n_clients--;
	(void)sd_event_source_disable_unref(client->source);
	if (client->fd >= 0)
		(void)close(client->fd);
	free(client);

	return NULL;
}

static int client_on_reply(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct client *client = userdata;
	struct sim_relay *relay = client->relay;
	ssize_t len;

	(void)source;
	(void)events;
	for (size_t i = 0; i < BATCH; i++) {
		len = recv(fd, relay->buffer, sizeof(relay->buffer), 0);
		if (len < 0)
			break;
		impair(client, false, (size_t)len);
	}

	return 0;
}

static bool open_upstream(struct client *client)
{
	const struct sim_address *behind = &client->relay->behind;

	client->fd = socket(behind->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return client->fd >= 0 && connect(client->fd, &behind->any, behind->len) == 0 &&
	       sd_event_add_io(client->relay->event, &client->source, client->fd, EPOLLIN,
			       client_on_reply, client) >= 0;
}

static struct client *client_new(struct sim_relay *relay, const struct sim_address *address)
{
	struct client *client;

	if (relay->n_clients == MAX_CLIENTS)
		(void)client_free(TAILQ_FIRST(&relay->clients));
	client = calloc(1, sizeof(*client));
	if (!client)
		return NULL;

	client->relay = relay;
	client->address = *address;
	client->fd = -1;
	TAILQ_INSERT_TAIL(&relay->clients, client, entry);
	relay->n_clients++;

	return open_upstream(client) ? client : client_free(client);
}

/* IPv6 has more in an address than says who it is. */
static bool same(const struct sim_address *a, const struct sim_address *b)
{
	if (a->any.sa_family != b->any.sa_family || sim_address_port(a) != sim_address_port(b))
		return false;

	return a->any.sa_family == AF_INET ? a->in.sin_addr.s_addr == b->in.sin_addr.s_addr
					   : memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr,
						    sizeof(a->in6.sin6_addr)) == 0;
}

static struct client *client_at(struct sim_relay *relay, const struct sim_address *address)
{
	struct client *client;

	TAILQ_FOREACH_REVERSE(client, &relay->clients, client_list, entry)
	{
		if (!same(&client->address, address))
			continue;
		TAILQ_REMOVE(&relay->clients, client, entry);
		TAILQ_INSERT_TAIL(&relay->clients, client, entry);
		return client;
	}

	return client_new(relay, address);
}

static int relay_on_datagram(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct sim_relay *relay = userdata;

	(void)source;
	(void)events;
	for (size_t i = 0; i < BATCH; i++) {
		struct sim_address from = { .len = sizeof(from.in6) };
		struct client *client;
		ssize_t len;

		len = recvfrom(fd, relay->buffer, sizeof(relay->buffer), 0, &from.any, &from.len);
		if (len < 0)
			break;
		client = client_at(relay, &from);
		if (client)
			impair(client, true, (size_t)len);
	}

	return 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

/**
 * sim_relay_new() - put a relay in front of a door
 * @event: the loop, which outlives the relay
 * @address: where it listens; gets the port that the kernel chose if it has none
 * @behind: where the door is
 * @ret: the relay, which impairs nothing yet
 *
 * Return: 0; -ENOMEM; -EADDRINUSE when the port is another's, or what else bind() says.
 */
int sim_relay_new(sd_event *event, struct sim_address *address, const struct sim_address *behind,
		  struct sim_relay **ret)
{
	struct sim_relay *relay = calloc(1, sizeof(*relay));
	int error;

	if (!relay)
		return -ENOMEM;

	TAILQ_INIT(&relay->clients);
	LIST_INIT(&relay->held);
	relay->event = sd_event_ref(event);
	relay->behind = *behind;
	relay->fd = sim_address_bind(address);
	error = relay->fd;
	if (error >= 0)
		error = sd_event_add_io(event, &relay->source, relay->fd, EPOLLIN,
					relay_on_datagram, relay);
	if (error < 0) {
		(void)sim_relay_free(relay);
		return error;
	}
	*ret = relay;

	return 0;
}

/**
 * sim_relay_free() - take a relay away, and lose what is late
 * @relay: may be NULL or half-built
 *
 * Return: NULL.
 */
struct sim_relay *sim_relay_free(struct sim_relay *relay)
{
	struct client *client;

	if (!relay)
		return NULL;

	while ((client = TAILQ_FIRST(&relay->clients)))
		(void)client_free(client);
	(void)sd_event_source_disable_unref(relay->source);
	if (relay->fd >= 0)
		(void)close(relay->fd);
	(void)sd_event_unref(relay->event);
	free(relay);

	return NULL;
}

/**
 * sim_relay_impair() - make the network worse, or better
 * @relay: the relay
 * @how: for all datagrams from now on; copied
 */
void sim_relay_impair(struct sim_relay *relay, const struct sim_impair *how)
{
	relay->impair = *how;
}
