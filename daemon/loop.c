/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sd-event carries the descriptors. Timers live in a heap of our own, for two reasons: arming one
 * costs no allocation, so it cannot fail, and a virtual loop can run them over a clock that tests move.
 * One sd-event time source stands for the earliest of them.
 *
 * The heap is a pairing heap, threaded through the timers: every timer is earlier than its children;
 * @next is the right sibling, @prev the left one, or the parent for the first child.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/cleanup.h"
#include "daemon/loop.h"

/* Timers may fire this much late, so that the kernel can bundle wake-ups. */
#define TIMER_SLACK_USEC (1 * SB_USEC_PER_MSEC)

struct sb_loop {
	sd_event *event;
	sd_event_source *clock; /* fires for the earliest timer */
	sd_event_source *deferred; /* fires when a task is due */
	TAILQ_HEAD(, sb_task) tasks;
	size_t n_tasks;
	struct sb_timer *earliest;
	uint64_t virtual_now;
	bool is_virtual;
};

struct sb_watch {
	sd_event_source *source;
	sb_watch_fn *fn;
	void *userdata;
};

SB_DEFINE_CLEANUP(struct sb_loop *, sb_loop_free)
SB_DEFINE_CLEANUP(struct sb_watch *, sb_watch_free)

/* Join two heaps; both roots are without siblings. */
static struct sb_timer *heap_meld(struct sb_timer *a, struct sb_timer *b)
{
	struct sb_timer *later;

	if (!a || !b)
		return a ? a : b;
	if (b->at < a->at) {
		later = a;
		a = b;
	} else {
		later = b;
	}

	later->next = a->child;
	if (later->next)
		later->next->prev = later;
	later->prev = a;
	a->child = later;

	return a;
}

/* Make one heap of a list of siblings: meld them in pairs, then the pairs from the right. */
static struct sb_timer *heap_gather(struct sb_timer *first)
{
	struct sb_timer *pairs = NULL;
	struct sb_timer *all = NULL;

	while (first) {
		struct sb_timer *a = first;
		struct sb_timer *b = a->next;
		struct sb_timer *pair;

		first = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		pair = heap_meld(a, b);
		pair->next = pairs;
		pairs = pair;
	}
	while (pairs) {
		struct sb_timer *pair = pairs;

		pairs = pair->next;
		pair->next = NULL;
		all = heap_meld(all, pair);
	}

	return all;
}

static void heap_remove(struct sb_loop *loop, struct sb_timer *timer)
{
	struct sb_timer *below = heap_gather(timer->child);

	if (timer == loop->earliest) {
		loop->earliest = below;
	} else {
		if (timer->prev->child == timer)
			timer->prev->child = timer->next;
		else
			timer->prev->next = timer->next;
		if (timer->next)
			timer->next->prev = timer->prev;
		loop->earliest = heap_meld(loop->earliest, below);
	}
	timer->child = timer->next = timer->prev = NULL;
}

/* Set the kernel's timer to the earliest of ours. */
static void clock_follow(struct sb_loop *loop)
{
	if (loop->is_virtual)
		return;

	if (!loop->earliest) {
		(void)sd_event_source_set_enabled(loop->clock, SD_EVENT_OFF);
		return;
	}
	(void)sd_event_source_set_time(loop->clock, loop->earliest->at);
	(void)sd_event_source_set_enabled(loop->clock, SD_EVENT_ONESHOT);
}

static void fire_until(struct sb_loop *loop, uint64_t now)
{
	while (loop->earliest && loop->earliest->at <= now) {
		struct sb_timer *timer = loop->earliest;

		sb_timer_disarm(timer);
		timer->fire(timer);
	}
}

static int clock_on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct sb_loop *loop = userdata;

	(void)source;
	(void)usec;
	fire_until(loop, sb_loop_now(loop));
	clock_follow(loop);

	return 0;
}

/* What is scheduled meanwhile waits for the next turn, so that descriptors get theirs. */
static void run_tasks(struct sb_loop *loop)
{
	size_t n = loop->n_tasks;
	struct sb_task *task;

	while (n-- > 0 && (task = TAILQ_FIRST(&loop->tasks))) {
		sb_task_cancel(task);
		task->run(task);
	}
}

static int deferred_on_due(sd_event_source *source, void *userdata)
{
	struct sb_loop *loop = userdata;

	(void)source;
	run_tasks(loop);
	if (loop->n_tasks > 0)
		(void)sd_event_source_set_enabled(loop->deferred, SD_EVENT_ONESHOT);

	return 0;
}

static int loop_new(bool is_virtual, struct sb_loop **ret)
{
	SB_CLEANUP(sb_loop_free) struct sb_loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return -ENOMEM;
	TAILQ_INIT(&loop->tasks);
	loop->is_virtual = is_virtual;
	loop->virtual_now = SB_USEC_PER_SEC;

	r = sd_event_new(&loop->event);
	if (r < 0)
		return r;
	r = sd_event_add_time(loop->event, &loop->clock, CLOCK_BOOTTIME, 0, TIMER_SLACK_USEC,
			      clock_on_time, loop);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(loop->clock, SD_EVENT_OFF);
	if (r < 0)
		return r;
	r = sd_event_add_defer(loop->event, &loop->deferred, deferred_on_due, loop);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(loop->deferred, SD_EVENT_OFF);
	if (r < 0)
		return r;

	*ret = SB_STEAL(loop);

	return 0;
}

/**
 * sb_loop_new() - a loop over the box's clock
 * @ret: the loop, the caller's
 *
 * Return: 0, or a negative errno.
 */
int sb_loop_new(struct sb_loop **ret)
{
	return loop_new(false, ret);
}

/**
 * sb_loop_new_virtual() - a loop whose clock stands at one second until sb_loop_advance()
 * @ret: the loop, the caller's
 *
 * Descriptors and tasks work as in any loop, by sb_loop_turn().
 *
 * Return: 0, or a negative errno.
 */
int sb_loop_new_virtual(struct sb_loop **ret)
{
	return loop_new(true, ret);
}

/**
 * sb_loop_free() - free a loop
 * @loop: may be NULL; no timer may be armed and no task scheduled any more
 *
 * Return: NULL.
 */
struct sb_loop *sb_loop_free(struct sb_loop *loop)
{
	if (!loop)
		return NULL;

	assert(!loop->earliest);
	assert(TAILQ_EMPTY(&loop->tasks));
	(void)sd_event_source_disable_unref(loop->clock);
	(void)sd_event_source_disable_unref(loop->deferred);
	(void)sd_event_unref(loop->event);
	free(loop);

	return NULL;
}

/**
 * sb_loop_event() - the sd-event below, for libraries that attach to one
 * @loop: the loop
 *
 * Return: lent.
 */
sd_event *sb_loop_event(struct sb_loop *loop)
{
	return loop->event;
}

/**
 * sb_loop_now() - the time
 * @loop: the loop
 *
 * Return: CLOCK_BOOTTIME in µs, as of the beginning of this turn.
 */
uint64_t sb_loop_now(struct sb_loop *loop)
{
	uint64_t now = 0;

	if (loop->is_virtual)
		return loop->virtual_now;
	(void)sd_event_now(loop->event, CLOCK_BOOTTIME, &now);

	return now;
}

/**
 * sb_wall_clock_ms() - the time as people read it
 *
 * It may jump, and be years off on a box without a clock battery. Any thread may ask.
 *
 * Return: milliseconds since 1970.
 */
int64_t sb_wall_clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);

	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/**
 * sb_loop_run() - run until sb_loop_exit()
 * @loop: the loop
 *
 * Return: the exit code, or a negative errno.
 */
int sb_loop_run(struct sb_loop *loop)
{
	return sd_event_loop(loop->event);
}

/**
 * sb_loop_exit() - let sb_loop_run() return after this turn
 * @loop: the loop
 * @code: what it returns
 */
void sb_loop_exit(struct sb_loop *loop, int code)
{
	(void)sd_event_exit(loop->event, code);
}

/**
 * sb_loop_turn() - one turn: wait for an event and serve it
 * @loop: the loop
 * @wait_usec: how long to wait at most; UINT64_MAX for ever
 *
 * Return: > 0 when something was served, 0 when nothing came, a negative errno.
 */
int sb_loop_turn(struct sb_loop *loop, uint64_t wait_usec)
{
	return sd_event_run(loop->event, wait_usec);
}

/**
 * sb_loop_advance() - move the clock of a virtual loop, firing timers and tasks as it passes them
 * @loop: a virtual loop
 * @usec: by how much
 */
void sb_loop_advance(struct sb_loop *loop, uint64_t usec)
{
	uint64_t until = loop->virtual_now + usec;

	assert(loop->is_virtual);
	run_tasks(loop);
	while (loop->earliest && loop->earliest->at <= until) {
		loop->virtual_now = loop->earliest->at;
		fire_until(loop, loop->virtual_now);
		run_tasks(loop);
	}
	loop->virtual_now = until;
}

/**
 * sb_timer_init() - prepare a timer
 * @timer: embedded in its owner, which disarms it before it goes
 * @loop: outlives the timer
 * @fire: called once each time the timer runs out; it may arm it again
 */
void sb_timer_init(struct sb_timer *timer, struct sb_loop *loop, sb_timer_fn *fire)
{
	*timer = (struct sb_timer){ .loop = loop, .fire = fire };
}

/**
 * sb_timer_arm() - start a timer, or start it anew
 * @timer: the timer
 * @delay_usec: from now, in µs
 */
void sb_timer_arm(struct sb_timer *timer, uint64_t delay_usec)
{
	struct sb_loop *loop = timer->loop;

	sb_timer_disarm(timer);
	/* At least one µs, so that a timer that arms itself does not hold the loop. */
	timer->at = sb_loop_now(loop) + (delay_usec > 0 ? delay_usec : 1);
	timer->armed = true;
	loop->earliest = heap_meld(loop->earliest, timer);
	if (loop->earliest == timer)
		clock_follow(loop);
}

/**
 * sb_timer_disarm() - stop a timer
 * @timer: armed or not
 *
 * The kernel's timer stays as it is: one wake-up too many is cheaper than a call for each.
 */
void sb_timer_disarm(struct sb_timer *timer)
{
	if (!timer->armed)
		return;

	heap_remove(timer->loop, timer);
	timer->armed = false;
}

/**
 * sb_timer_armed() - is it going to fire
 * @timer: the timer
 *
 * Return: whether it is armed.
 */
bool sb_timer_armed(const struct sb_timer *timer)
{
	return timer->armed;
}

/**
 * sb_task_init() - prepare a task
 * @task: embedded in its owner, which cancels it before it goes
 * @loop: outlives the task
 * @run: called once each time it was scheduled
 */
void sb_task_init(struct sb_task *task, struct sb_loop *loop, sb_task_fn *run)
{
	*task = (struct sb_task){ .loop = loop, .run = run };
}

/**
 * sb_task_schedule() - run a task soon, with nothing else of ours on the stack
 * @task: the task; once is enough if it is scheduled already
 */
void sb_task_schedule(struct sb_task *task)
{
	if (task->due)
		return;

	task->due = true;
	TAILQ_INSERT_TAIL(&task->loop->tasks, task, entry);
	task->loop->n_tasks++;
	(void)sd_event_source_set_enabled(task->loop->deferred, SD_EVENT_ONESHOT);
}

/**
 * sb_task_cancel() - do not run a task
 * @task: scheduled or not
 */
void sb_task_cancel(struct sb_task *task)
{
	if (!task->due)
		return;

	task->due = false;
	TAILQ_REMOVE(&task->loop->tasks, task, entry);
	task->loop->n_tasks--;
}

static int watch_on_events(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct sb_watch *watch = userdata;

	(void)source;
	(void)fd;
	watch->fn(watch->userdata, events);

	return 0;
}

/**
 * sb_watch_new() - call @fn whenever a descriptor is ready
 * @loop: outlives the watch
 * @fd: stays the caller's, and open as long as the watch
 * @events: EPOLLIN, EPOLLOUT …
 * @fn: called with what is ready; it may free the watch
 * @userdata: for @fn
 * @ret: the watch, the caller's
 *
 * Return: 0, or a negative errno.
 */
int sb_watch_new(struct sb_loop *loop, int fd, uint32_t events, sb_watch_fn *fn, void *userdata,
		 struct sb_watch **ret)
{
	SB_CLEANUP(sb_watch_free) struct sb_watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	watch->fn = fn;
	watch->userdata = userdata;
	r = sd_event_add_io(loop->event, &watch->source, fd, events, watch_on_events, watch);
	if (r < 0)
		return r;

	*ret = SB_STEAL(watch);

	return 0;
}

/**
 * sb_watch_change() - wait for something else
 * @watch: the watch
 * @events: EPOLLIN, EPOLLOUT …; 0 for nothing at all, not even for the other side to go
 *
 * Return: >= 0, or a negative errno.
 */
int sb_watch_change(struct sb_watch *watch, uint32_t events)
{
	int r;

	if (events == 0)
		return sd_event_source_set_enabled(watch->source, SD_EVENT_OFF);
	r = sd_event_source_set_io_events(watch->source, events);
	if (r < 0)
		return r;

	return sd_event_source_set_enabled(watch->source, SD_EVENT_ON);
}

/**
 * sb_watch_free() - stop watching
 * @watch: may be NULL
 *
 * Return: NULL.
 */
struct sb_watch *sb_watch_free(struct sb_watch *watch)
{
	if (!watch)
		return NULL;

	(void)sd_event_source_disable_unref(watch->source);
	free(watch);

	return NULL;
}
