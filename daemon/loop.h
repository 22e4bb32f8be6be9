/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The event loop: file descriptors, timers and work put off until the stack is empty.
 *
 * One loop, one thread. Time is CLOCK_BOOTTIME in microseconds: it counts while the box sleeps and
 * never jumps when somebody sets the clock. A virtual loop has the same timers over a clock that
 * stands still until sb_loop_advance() moves it, so tests never sleep.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

#define SB_USEC_PER_MSEC UINT64_C(1000)
#define SB_USEC_PER_SEC UINT64_C(1000000)

struct sb_loop;
struct sb_timer;
struct sb_task;
struct sb_watch;

typedef void sb_timer_fn(struct sb_timer *timer);
typedef void sb_task_fn(struct sb_task *task);
typedef void sb_watch_fn(void *userdata, uint32_t events);

/** struct sb_timer - a one-shot timer, embedded in its owner; container_of finds the owner */
struct sb_timer {
	struct sb_loop *loop;
	sb_timer_fn *fire;
	uint64_t at; /* CLOCK_BOOTTIME, µs */
	bool armed;
	struct sb_timer *child; /* the place in the loop's pairing heap */
	struct sb_timer *next;
	struct sb_timer *prev;
};

/** struct sb_task - something to do soon, after the present callback has returned */
struct sb_task {
	struct sb_loop *loop;
	sb_task_fn *run;
	bool due;
	TAILQ_ENTRY(sb_task) entry;
};

int sb_loop_new(struct sb_loop **ret);
int sb_loop_new_virtual(struct sb_loop **ret);
struct sb_loop *sb_loop_free(struct sb_loop *loop);

sd_event *sb_loop_event(struct sb_loop *loop);
uint64_t sb_loop_now(struct sb_loop *loop);
int64_t sb_wall_clock_ms(void);
int sb_loop_run(struct sb_loop *loop);
void sb_loop_exit(struct sb_loop *loop, int code);
void sb_loop_advance(struct sb_loop *loop, uint64_t usec);
int sb_loop_turn(struct sb_loop *loop, uint64_t wait_usec);

void sb_timer_init(struct sb_timer *timer, struct sb_loop *loop, sb_timer_fn *fire);
void sb_timer_arm(struct sb_timer *timer, uint64_t delay_usec);
void sb_timer_disarm(struct sb_timer *timer);
bool sb_timer_armed(const struct sb_timer *timer);

void sb_task_init(struct sb_task *task, struct sb_loop *loop, sb_task_fn *run);
void sb_task_schedule(struct sb_task *task);
void sb_task_cancel(struct sb_task *task);

int sb_watch_new(struct sb_loop *loop, int fd, uint32_t events, sb_watch_fn *fn, void *userdata,
		 struct sb_watch **ret);
int sb_watch_change(struct sb_watch *watch, uint32_t events);
struct sb_watch *sb_watch_free(struct sb_watch *watch);
