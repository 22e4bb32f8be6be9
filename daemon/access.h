/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Access: who may do what. Root and the daemon's own user may do everything; others what a rule grants them,
 * and nothing else.
 *
 * A grant is all that one caller may do. It is asked for each decision, and stays as it was when the rules
 * are replaced: what outlives a call, such as a stream, keeps its grant and learns with sb_grant_covers()
 * whether it may go on.
 */
#include <stdbool.h>
#include <stdint.h>

#include "daemon/error.h"

struct sb_access;
struct sb_grant;
struct sb_identity;
struct sb_rules;

/** Other rules hold. */
typedef void sb_access_changed_fn(void *userdata);

int sb_access_new(struct sb_rules *rules, uint32_t own_uid, struct sb_access **ret);
struct sb_access *sb_access_free(struct sb_access *access);
void sb_access_listen(struct sb_access *access, sb_access_changed_fn *changed, void *userdata);
void sb_access_replace(struct sb_access *access, struct sb_rules *rules);
bool sb_access_needs_unit(const struct sb_access *access, const struct sb_identity *identity);

int sb_grant_new(const struct sb_access *access, const struct sb_identity *identity,
		 struct sb_grant **ret);
struct sb_grant *sb_grant_free(struct sb_grant *grant);
int sb_grant_publish(const struct sb_grant *grant, const char *link, const char *topic,
		     struct sb_error *ret_error);
int sb_grant_subscribe(const struct sb_grant *grant, const char *link, const char *filter,
		       struct sb_error *ret_error);
int sb_grant_answer(const struct sb_grant *grant, const char *link, const char *topic,
		    struct sb_error *ret_error);
int sb_grant_administer(const struct sb_grant *grant, const char *what, struct sb_error *ret_error);
bool sb_grant_administers(const struct sb_grant *grant);
bool sb_grant_covers(const struct sb_grant *grant, const struct sb_grant *old);

bool sb_filter_within(const char *inner, const char *outer);
