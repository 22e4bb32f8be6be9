/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Deferred calls: method calls of one sender that wait, in their order, until it is known who that is.
 */
#include <stddef.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

struct sb_deferred_call;
struct sb_error;
struct sb_identity;

/**
 * How many calls of one sender may wait. Only what the bus has for us already comes before its
 * answer: little, unless the loop was held up, or systemd takes its time.
 */
#define SB_DEFERRED_MAX 4096

/** How much memory the calls of all senders that wait may take, in bytes. */
#define SB_DEFERRED_BYTES_MAX (16 * 1024 * 1024)

/**
 * The sender of a method call is known: deal with the call, as a method handler of sd-bus does.
 * Nothing of the call has been read. @sender is lent; sb_identity_copy() keeps it.
 *
 * Return: >= 0 when it has been, or will be, replied to; or a negative errno, which is replied.
 */
typedef int sb_identified_fn(sd_bus_message *call, void *userdata,
			     const struct sb_identity *sender);

/**
 * struct sb_deferred - the calls of one sender; embedded in its owner
 * @n: how many wait
 * @all_bytes: what those of all senders take; lent
 */
struct sb_deferred {
	TAILQ_HEAD(, sb_deferred_call) calls;
	size_t n;
	size_t *all_bytes;
};

void sb_deferred_init(struct sb_deferred *deferred, size_t *all_bytes);
int sb_deferred_add(struct sb_deferred *deferred, sd_bus_message *call, sb_identified_fn *handle,
		    void *userdata);
void sb_deferred_carry_out(struct sb_deferred *deferred, const struct sb_identity *sender);
void sb_deferred_refuse(struct sb_deferred *deferred, const struct sb_error *why);
void sb_deferred_refuse_about(struct sb_deferred *deferred, const void *userdata,
			      const struct sb_error *why);
