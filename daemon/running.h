/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which plugin's code is running, for whoever has to tell what the daemon died of (daemon/crash-note.c). There is one
 * for the process, as there is one thread that runs plugins.
 *
 * Calls nest, and the innermost counts. All of it is two stores for each call, and may be read in a signal handler.
 */
#include <stdbool.h>

/* Of a plugin's name, and of a link's, with the zero byte. */
#define SB_RUNNING_NAME_MAX 64

/* X(constant, how people read it behind "in") */
#define SB_RUNNING_CALLS(X)                                                    \
	X(SB_RUNNING_LOAD, "dlopen()")                                         \
	X(SB_RUNNING_ATTACH, "attach()")                                       \
	X(SB_RUNNING_DETACH, "detach()")                                       \
	X(SB_RUNNING_LOGIN, "login()")                                         \
	X(SB_RUNNING_ENCODE, "encode()")                                       \
	X(SB_RUNNING_ENCODE_BATCH, "encode_batch()")                           \
	X(SB_RUNNING_GATHER, "gather()")                                       \
	X(SB_RUNNING_DECIDE, "decide()")                                       \
	X(SB_RUNNING_ACCEPT, "accept()")                                       \
	X(SB_RUNNING_KEEPALIVE, "keepalive()")                                 \
	X(SB_RUNNING_SERVE, "serve()")                                         \
	X(SB_RUNNING_ANSWER, "answer()")                                       \
	X(SB_RUNNING_DEVICE, "device()")                                       \
	X(SB_RUNNING_OPENED, "its completion of open_session()")               \
	X(SB_RUNNING_REPLIED, "its completion of send_request() or observe()") \
	X(SB_RUNNING_FETCHED, "its completion of fetch()")                     \
	X(SB_RUNNING_TIMER, "its completion of timer_start()")                 \
	X(SB_RUNNING_STORED, "its completion of store_put()")

enum sb_running_call {
#define SB_RUNNING_CONSTANT(constant, words) constant,
	SB_RUNNING_CALLS(SB_RUNNING_CONSTANT)
#undef SB_RUNNING_CONSTANT
};

/**
 * struct sb_running_who - whose code it is; stays where it is while it runs
 * @plugin: its name; "" for one whose crash would not be the daemon's
 * @link: the link's name; "" while the plugin is being loaded
 */
struct sb_running_who {
	char plugin[SB_RUNNING_NAME_MAX];
	char link[SB_RUNNING_NAME_MAX];
};

void sb_running_enter(const struct sb_running_who *who, enum sb_running_call call);
void sb_running_leave(void);
const struct sb_running_who *sb_running_now(enum sb_running_call *ret_call);
const char *sb_running_words(enum sb_running_call call);
