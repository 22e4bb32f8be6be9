/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "sim/authority.h"
#include "sim/endpoint.h"
#include "sim/https-door.h"
#include "sim/port.h"
#include "sim/relay.h"

static const struct sim_door *door_of(const struct sim_port *port)
{
	return &port->house->cloud->type->doors[port->door];
}

static int endpoint_on_ready(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct sim_port *port = userdata;

	(void)source;
	(void)fd;
	(void)events;
	sim_endpoint_process(port->endpoint);

	return 0;
}

static void stop_endpoint(struct sim_port *port)
{
	port->source = sd_event_source_disable_unref(port->source);
	port->endpoint = sim_endpoint_free(port->endpoint);
}

static int start_endpoint(struct sim_port *port)
{
	const struct sim_site *site = port->site;
	const struct sim_endpoint_place place = {
		.house = port->house,
		.door = port->door,
		.certificate = sim_authority_certificate(site->authority),
		.certificate_key = sim_authority_certificate_key(site->authority),
	};
	int error;

	error = sim_endpoint_new(&place, site->impairable ? &port->inside : &port->outside,
				 &port->endpoint);
	if (error == 0)
		error = sd_event_add_io(site->event, &port->source, sim_endpoint_fd(port->endpoint),
					EPOLLIN, endpoint_on_ready, port);
	if (error < 0)
		stop_endpoint(port);

	return error < 0 ? error : 0;
}

static int start_relay(struct sim_port *port)
{
	int error = sim_relay_new(port->site->event, &port->outside, &port->inside, &port->relay);

	if (error == 0)
		sim_relay_impair(port->relay, &port->impair);

	return error;
}

/**
 * sim_port_init() - a port that is closed
 * @port: where; stays there
 * @site: outlives the port, as does @house
 * @house: who answers
 * @door: which of the cloud's doors, counted from 0
 * @number: 0 for one of the kernel's choice, which stays the same from then on
 */
void sim_port_init(struct sim_port *port, const struct sim_site *site, struct sim_house *house,
		   size_t door, uint16_t number)
{
	*port = (struct sim_port){
		.site = site,
		.house = house,
		.door = door,
		.outside = site->address,
		.inside = site->address,
	};
	sim_address_set_port(&port->outside, number);
}

static int start_coap(struct sim_port *port)
{
	int error;

	sim_address_set_port(&port->inside, 0);
	error = start_endpoint(port);
	if (error == 0 && port->site->impairable)
		error = start_relay(port);
	if (error < 0)
		stop_endpoint(port);

	return error;
}

static int start_https(struct sim_port *port)
{
	return sim_https_door_new(port->site->event, port->house, port->site->authority,
				  &port->outside, &port->https);
}

static void tell_cloud(const struct sim_port *port)
{
	struct sim_cloud *cloud = port->house->cloud;
	char url[SIM_URL_SIZE];

	if (!cloud->type->opened)
		return;

	sim_port_url(port, url);
	cloud->type->opened(cloud, port->door, url);
}

/**
 * sim_port_open() - listen, and tell the cloud where
 * @port: closed
 *
 * Return: 0; -ENOMEM; -EADDRINUSE when the port is another's, or what else bind() says.
 */
int sim_port_open(struct sim_port *port)
{
	int error = door_of(port)->lock == SIM_HTTPS ? start_https(port) : start_coap(port);

	if (error == 0)
		tell_cloud(port);

	return error;
}

/**
 * sim_port_close() - listen no more, and forget all senders, who are not told
 * @port: may be closed
 */
void sim_port_close(struct sim_port *port)
{
	port->relay = sim_relay_free(port->relay);
	port->https = sim_https_door_free(port->https);
	stop_endpoint(port);
}

/**
 * sim_port_is_open() - whether somebody listens
 * @port: the port
 *
 * Return: true between sim_port_open() and sim_port_close().
 */
bool sim_port_is_open(const struct sim_port *port)
{
	return port->endpoint || port->https;
}

/**
 * sim_port_forget() - forget all senders, who are not told
 * @port: where HTTPS is spoken there is nothing to forget
 *
 * Return: 0; otherwise as sim_port_open(), and the port is closed.
 */
int sim_port_forget(struct sim_port *port)
{
	int error;

	if (!port->endpoint)
		return 0;

	stop_endpoint(port);
	error = start_endpoint(port);
	if (error < 0)
		sim_port_close(port);

	return error;
}

/**
 * sim_port_impair() - make the way to this port worse, or better
 * @port: open or closed
 * @impair: from now on; copied
 *
 * Return: 0; -EOPNOTSUPP when there is no relay.
 */
int sim_port_impair(struct sim_port *port, const struct sim_impair *impair)
{
	if (!port->site->impairable || door_of(port)->lock == SIM_HTTPS)
		return -EOPNOTSUPP;

	port->impair = *impair;
	if (port->relay)
		sim_relay_impair(port->relay, impair);

	return 0;
}

/**
 * sim_port_notify() - tell those who observe a path
 * @port: may be closed, or speak HTTPS: then it is nobody
 * @path: "/a/b"
 * @reply: what it is now, with Observe
 *
 * Return: how many are told.
 */
size_t sim_port_notify(struct sim_port *port, const char *path, const struct sim_reply *reply)
{
	return port->endpoint ? sim_endpoint_notify(port->endpoint, path, reply) : 0;
}

/**
 * sim_port_name() - the word of the door
 * @port: the port
 *
 * Return: the word, static.
 */
const char *sim_port_name(const struct sim_port *port)
{
	return door_of(port)->name;
}

/**
 * sim_port_url() - where clients go
 * @port: opened at least once, or with a number
 * @ret_url: "coap://127.0.0.1:40000"
 */
void sim_port_url(const struct sim_port *port, char ret_url[SIM_URL_SIZE])
{
	static const char *const schemes[] = {
		[SIM_PLAIN] = "coap",
		[SIM_PSK] = "coaps",
		[SIM_PSK_OR_CERTIFICATE] = "coaps",
		[SIM_HTTPS] = "https",
	};
	char text[SIM_ADDRESS_TEXT];

	sim_address_print(&port->outside, text);
	(void)snprintf(ret_url, SIM_URL_SIZE, "%s://%s", schemes[door_of(port)->lock], text);
}
