/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls on their way to a plugin's process.
 *
 * The process makes one call after the other, so what it returns from, and what it asks for, is always about the
 * first that is on its way. Calls nest here: what it asks for may make the daemon call it again, and then the inner
 * one waits for both.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "daemon/cleanup.h"
#include "daemon/isolation-private.h"

/* So many packets are taken before others have their turn. */
#define PACKETS_AT_ONCE 32

SB_DEFINE_CLEANUP(struct sb_packet *, sb_packet_free)

/* ---- what comes ---- */

static bool take_return(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	struct sb_isolated_call *call = TAILQ_FIRST(&isolation->calls);
	struct sb_isolation_wants nobody = { 0 };
	struct sb_isolation_wants *wants = call->wants ? call->wants : &nobody;
	struct skybus_verdict verdict;
	char *device;
	bool attached = call->kind != SB_CALL_ATTACH || call->wants;

	if (sb_unpack_u32(in) != (uint32_t)call->kind)
		return false;
	wants->result = (int32_t)sb_unpack_u32(in);
	sb_unpack_verdict(in, &verdict);
	sb_isolation_clean(verdict.reason);
	device = sb_unpack_text(in);
	if (in->bad || !sb_isolation_fill(isolation->host, in, wants) || !sb_unpack_ended(in))
		return false;
	if (device) {
		sb_isolation_clean(device);
		(void)snprintf(isolation->device, sizeof(isolation->device), "%s", device);
	}
	if (wants->verdict)
		*wants->verdict = verdict;
	wants->returned = true;
	TAILQ_REMOVE(&isolation->calls, call, entry);
	free(call);
	if (!attached && nobody.result < 0)
		sb_isolation_refuse(isolation, verdict.reason);

	return true;
}

/* Late, it is done in the light of the call's own time. */
static bool lend(struct sb_isolation *isolation, enum sb_packet_kind kind, struct sb_unpacker *in)
{
	const struct sb_isolated_call *call = TAILQ_FIRST(&isolation->calls);
	struct sb_lent *lent = &isolation->link->lent;
	bool by_timer = lent->by_timer;
	uint32_t code = lent->code;
	bool good;

	if (!isolation->stalled)
		return sb_isolation_lend(isolation, kind, in);
	lent->by_timer = call->by_timer;
	lent->code = call->code;
	good = sb_isolation_lend(isolation, kind, in);
	lent->by_timer = by_timer;
	lent->code = code;

	return good;
}

/* One that comes back from its last call can be waited for again. */
static void note_progress(struct sb_isolation *isolation)
{
	sb_timer_disarm(&isolation->deadline);
	if (TAILQ_EMPTY(&isolation->calls))
		isolation->stalled = false;
	else if (isolation->stalled)
		sb_timer_arm(&isolation->deadline,
			     sb_isolation_deadline_s(isolation) * SB_USEC_PER_SEC);
}

static void take_packet(struct sb_isolation *isolation, struct sb_packet *packet)
{
	struct sb_unpacker in = sb_packet_unpack(packet);
	uint32_t kind = sb_unpack_u32(&in);
	bool good = false;

	if (kind == SB_PACKET_CANNOT) {
		/* It is about to end. */
		const char *why = sb_unpack_text(&in);

		sb_isolation_break(isolation, "the plugin %s has no process: %s",
				   sb_isolation_plugin(isolation), why ? why : "it cannot say why");
		sb_isolation_clean(isolation->why);
		return;
	}
	if (!TAILQ_EMPTY(&isolation->calls)) {
		if (kind == SB_PACKET_RETURN) {
			good = take_return(isolation, &in);
			note_progress(isolation);
		} else if (kind > SB_PACKET_ANSWERED && kind < SB_PACKET_RETURN) {
			good = lend(isolation, kind, &in);
		}
	}
	if (!good)
		sb_isolation_break_rules(isolation);
}

/* Whether there was something, or is nobody any more. */
static bool receive(struct sb_isolation *isolation)
{
	SB_CLEANUP(sb_packet_free) struct sb_packet *packet = NULL;
	int r = sb_plugin_process_receive(&isolation->process, &packet);

	if (r == 0)
		take_packet(isolation, packet);
	else if (r == -EMSGSIZE)
		sb_isolation_break_rules(isolation);
	else if (r == -ENOMEM)
		sb_isolation_break(isolation, "no memory for what the plugin %s wants",
				   sb_isolation_plugin(isolation));
	else if (r != -EAGAIN)
		sb_isolation_let_go(isolation);

	return r != -EAGAIN;
}

static void watch_for_room(struct sb_isolation *isolation)
{
	bool waits = !TAILQ_EMPTY(&isolation->process.unsent);

	if (isolation->socket)
		(void)sb_watch_change(isolation->socket, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/**
 * sb_isolation_on_socket() - something has come while nobody waits for it, or there is room again
 * @userdata: the isolation
 * @events: of epoll
 */
void sb_isolation_on_socket(void *userdata, uint32_t events)
{
	struct sb_isolation *isolation = userdata;

	(void)events;
	(void)sb_plugin_process_flush(&isolation->process);
	for (int i = 0; i < PACKETS_AT_ONCE && !isolation->gone; i++)
		if (!receive(isolation))
			break;
	watch_for_room(isolation);
}

/* ---- what goes ---- */

static uint64_t now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);

	return (uint64_t)now.tv_sec * SB_USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

/**
 * sb_isolation_begin() - begin a packet to the process
 * @isolation: of a link
 * @kind: of packet
 *
 * Return: for what is in it; then sb_isolation_ask(), …_tell() or …_send().
 */
struct sb_packer *sb_isolation_begin(struct sb_isolation *isolation, enum sb_packet_kind kind)
{
	sb_packer_reset(&isolation->out);
	sb_pack_u32(&isolation->out, kind);

	return &isolation->out;
}

/**
 * sb_isolation_send() - send the packet that was begun
 * @isolation: of a link
 *
 * Return: whether it will reach the process, unless that ends.
 */
bool sb_isolation_send(struct sb_isolation *isolation)
{
	int r;

	if (isolation->gone || isolation->process.fd < 0)
		return false;
	r = sb_plugin_process_send(&isolation->process, &isolation->out);
	sb_packer_reset(&isolation->out);
	if (r == -EPIPE)
		sb_isolation_let_go(isolation);
	else if (r == -ENOBUFS)
		sb_isolation_break(isolation,
				   "the plugin %s hung in %s, with too much waiting for it, so its "
				   "process was ended; only this link is concerned: tell whoever "
				   "makes the plugin",
				   sb_isolation_plugin(isolation), sb_isolation_where(isolation));
	watch_for_room(isolation);

	return r == 0;
}

static struct sb_isolated_call *call_new(struct sb_isolation *isolation, enum sb_packet_kind kind,
					 struct sb_isolation_wants *wants)
{
	struct sb_isolated_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->kind = kind;
	call->wants = wants;
	call->by_timer = isolation->link->lent.by_timer;
	call->code = isolation->link->lent.code;
	if (!sb_isolation_send(isolation)) {
		free(call);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&isolation->calls, call, entry);

	return call;
}

static void note_stall(struct sb_isolation *isolation)
{
	isolation->stalled = true;
	if (!sb_timer_armed(&isolation->deadline))
		sb_timer_arm(&isolation->deadline,
			     sb_isolation_deadline_s(isolation) * SB_USEC_PER_SEC);
}

/* The call may be gone when this returns; what it wanted is not. */
static void await(struct sb_isolation *isolation, struct sb_isolated_call *call,
		  struct sb_isolation_wants *wants, uint64_t patience_ms)
{
	uint64_t until = now_usec() + patience_ms * SB_USEC_PER_MSEC;

	while (!wants->returned && !isolation->gone) {
		uint64_t now = now_usec();

		if (now >= until)
			break;
		sb_plugin_process_wait(&isolation->process, until - now);
		if (sb_plugin_process_flush(&isolation->process) < 0)
			sb_isolation_let_go(isolation);
		else
			(void)receive(isolation);
	}
	if (wants->returned)
		return;
	call->wants = NULL;
	if (!isolation->gone)
		note_stall(isolation);
}

/**
 * sb_isolation_ask() - have the process make the call that was begun, and wait for what it returns
 * @isolation: of a link
 * @kind: of call
 * @wants: filled, unless it is too late
 * @patience_ms: when that is
 *
 * Return: whether it was filled.
 */
bool sb_isolation_ask(struct sb_isolation *isolation, enum sb_packet_kind kind,
		      struct sb_isolation_wants *wants, uint64_t patience_ms)
{
	struct sb_isolated_call *call;

	if (isolation->stalled || isolation->lending)
		return false;
	call = call_new(isolation, kind, wants);
	if (!call)
		return false;
	await(isolation, call, wants, patience_ms);

	return wants->returned;
}

/**
 * sb_isolation_tell() - have the process make the call that was begun; wait only that things go in their order
 * @isolation: of a link
 * @kind: of call
 */
void sb_isolation_tell(struct sb_isolation *isolation, enum sb_packet_kind kind)
{
	struct sb_isolation_wants wants = { 0 };

	if (isolation->stalled || isolation->lending)
		(void)call_new(isolation, kind, NULL);
	else
		(void)sb_isolation_ask(isolation, kind, &wants, SB_ISOLATION_PATIENCE_MS);
}

/**
 * sb_isolation_tell_later() - have the process make the call that was begun, whenever it can
 * @isolation: of a link
 * @kind: of call
 */
void sb_isolation_tell_later(struct sb_isolation *isolation, enum sb_packet_kind kind)
{
	if (call_new(isolation, kind, NULL))
		note_stall(isolation);
}
