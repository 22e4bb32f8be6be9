/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The present boot is a row of its own. It is written when the daemon starts and ends, when the wall
 * clock is set or becomes right, and once an hour: a power cut costs at most an hour of steady time,
 * and then what waits lives that much longer. What fails is tried again soon: until it is written, no
 * time-to-live of this boot is ever over for the disk.
 *
 * What the store says is from the disk, so it is added up with care and never trusted to make sense.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>

#include "daemon/cleanup.h"
#include "daemon/clock.h"
#include "daemon/file.h"
#include "daemon/log.h"

#define CHECK_USEC (60 * SB_USEC_PER_SEC)
#define SAVE_USEC (3600 * SB_USEC_PER_SEC)
#define RETRY_USEC (10 * SB_USEC_PER_SEC)

/* More than any box gets old. */
#define STEADY_MAX_MS (INT64_C(1) << 60)

struct sb_clock {
	struct sb_store *store;
	struct sb_clock_source source;
	const struct sb_boot *earlier; /* the store's, ascending */
	size_t n_earlier;
	struct sb_boot present; /* number 0 until it is known */
	struct sb_timer check; /* is the wall clock synchronised? until it is */
	struct sb_timer save;
	int set_fd; /* readable when the wall clock was set; -1 for none */
	struct sb_watch *set;
};

SB_DEFINE_CLEANUP(struct sb_clock *, sb_clock_free)

static int64_t kernel_ms(clockid_t id)
{
	struct timespec now;

	(void)clock_gettime(id, &now);

	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t kernel_boot_ms(void *userdata)
{
	(void)userdata;

	return kernel_ms(CLOCK_BOOTTIME);
}

static int64_t kernel_wall_ms(void *userdata)
{
	(void)userdata;

	return kernel_ms(CLOCK_REALTIME);
}

static bool kernel_synchronised(void *userdata)
{
	struct timex state = { .modes = 0 }; /* only to read: every user may */
	int r = adjtimex(&state);

	(void)userdata;

	return r >= 0 && r != TIME_ERROR && !(state.status & STA_UNSYNC);
}

static const struct sb_clock_source kernel = {
	.boot_ms = kernel_boot_ms,
	.wall_ms = kernel_wall_ms,
	.synchronised = kernel_synchronised,
};

/**
 * sb_clock_boot_id() - the kernel's name for the present boot
 * @ret: the name; "" if the kernel does not say it, and then the log says so
 * @size: of @ret, SB_BOOT_ID_MAX
 */
void sb_clock_boot_id(char *ret, size_t size)
{
	SB_CLEANUP(sb_close) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	SB_CLEANUP(sb_free) char *text = NULL;
	size_t len;
	int r;

	ret[0] = '\0';
	r = fd < 0 ? -errno : sb_file_read(fd, size, &text, &len);
	if (r < 0) {
		sb_log(LOG_WARNING, "the boot has no id, so it counts as a new one: %s",
		       strerror(-r));
		return;
	}
	text[strcspn(text, "\n")] = '\0';
	(void)snprintf(ret, size, "%s", text);
}

static int64_t add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;

	return sum;
}

static int64_t subtract(int64_t a, int64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return b < 0 ? INT64_MAX : INT64_MIN;

	return difference;
}

/* Whoever adds a time-to-live to this, or compares two, need not mind overflow. */
static int64_t limit_steady(int64_t ms)
{
	if (ms > STEADY_MAX_MS)
		return STEADY_MAX_MS;

	return ms < -STEADY_MAX_MS ? -STEADY_MAX_MS : ms;
}

static int64_t boot_ms(const struct sb_clock *clock)
{
	return clock->source.boot_ms(clock->source.userdata);
}

static int64_t wall_ms(const struct sb_clock *clock)
{
	return clock->source.wall_ms(clock->source.userdata);
}

/* 0, for not known, if nobody can have set the clock to that. */
static int64_t plausible(int64_t ms)
{
	return ms >= SB_CLOCK_PLAUSIBLE_MS ? ms : 0;
}

/* Somebody vouches for the wall clock. */
static bool is_right(const struct sb_clock *clock, int64_t wall)
{
	return plausible(wall) != 0 && clock->source.synchronised(clock->source.userdata);
}

static const struct sb_boot *find_boot(const struct sb_clock *clock, uint32_t number)
{
	if (number == clock->present.number)
		return &clock->present;
	for (size_t i = clock->n_earlier; i-- > 0;) {
		if (clock->earlier[i].number == number)
			return &clock->earlier[i];
	}

	return NULL;
}

/*
 * The boot before says when it began by the wall clock, and the present one what time it is: both are
 * right, so the time between is known, and with it for how long the box was off.
 */
static void raise_base(struct sb_clock *clock, int64_t now, int64_t wall)
{
	struct sb_boot *present = &clock->present;
	const struct sb_boot *before;
	int64_t base;

	if (clock->n_earlier == 0)
		return;
	before = &clock->earlier[clock->n_earlier - 1];
	if (!before->synchronised)
		return;

	base = subtract(add(before->base_ms, subtract(wall, before->offset_ms)), now);
	if (base > present->base_ms)
		present->base_ms = base;
}

/*
 * Note what time it is. Once it was right, the offset stays what it was then while nobody vouches for
 * the wall clock any more.
 */
static void look(struct sb_clock *clock)
{
	struct sb_boot *present = &clock->present;
	int64_t now = boot_ms(clock);
	int64_t wall = wall_ms(clock);
	bool right = is_right(clock, wall);

	present->last_ms = now;
	if (plausible(wall) == 0)
		return;

	if (right || !present->synchronised)
		present->offset_ms = subtract(wall, now);
	if (right && !present->synchronised) {
		present->synchronised = true;
		raise_base(clock, now, wall);
	}
}

static void clock_on_saved(void *userdata, int error)
{
	struct sb_clock *clock = userdata;

	if (error < 0)
		sb_timer_arm(&clock->save, RETRY_USEC);
}

static void save(struct sb_clock *clock)
{
	int r;

	look(clock);
	r = sb_store_put_boot(clock->store, &clock->present, clock_on_saved, clock);
	if (r < 0)
		clock_on_saved(clock, r);
}

static void save_on_time(struct sb_timer *timer)
{
	sb_timer_arm(timer, SAVE_USEC);
	save(sb_container_of(timer, struct sb_clock, save));
}

static void check_on_time(struct sb_timer *timer)
{
	struct sb_clock *clock = sb_container_of(timer, struct sb_clock, check);

	if (!clock->present.synchronised && is_right(clock, wall_ms(clock)))
		save(clock);
	if (!clock->present.synchronised)
		sb_timer_arm(timer, CHECK_USEC);
}

static void set_on_readable(void *userdata, uint32_t events)
{
	struct sb_clock *clock = userdata;
	uint64_t expirations;

	(void)events;
	/* ECANCELED is how it says that the clock was set; it goes on to tell. */
	if (read(clock->set_fd, &expirations, sizeof(expirations)) < 0 && errno == ECANCELED)
		save(clock);
}

/* A timer that nobody waits for is how the kernel tells that the wall clock was set. */
static int watch_wall_clock(struct sb_clock *clock, struct sb_loop *loop)
{
	const struct itimerspec never = { .it_value.tv_sec = INT32_MAX };

	clock->set_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (clock->set_fd < 0)
		return -errno;
	if (timerfd_settime(clock->set_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never,
			    NULL) < 0)
		return -errno;

	return sb_watch_new(loop, clock->set_fd, EPOLLIN, set_on_readable, clock, &clock->set);
}

/* The present boot goes on if the daemon has run in it before; otherwise it is the next one. */
static void begin_boot(struct sb_clock *clock)
{
	struct sb_boot *present = &clock->present;
	const struct sb_boot *last;

	clock->earlier = sb_store_boots(clock->store, &clock->n_earlier);
	present->number = 1;
	if (clock->n_earlier == 0)
		return;

	last = &clock->earlier[clock->n_earlier - 1];
	if (last->number > 0 && present->id[0] != '\0' && strcmp(last->id, present->id) == 0) {
		*present = *last;
		clock->n_earlier--;
		return;
	}
	present->number = last->number < UINT32_MAX ? last->number + 1 : UINT32_MAX;
	present->base_ms = add(last->base_ms, last->last_ms);
}

/**
 * sb_clock_new() - find out which boot this is, and note it in the store
 * @loop: outlives the clock
 * @store: outlives the clock
 * @source: where the time comes from, copied; NULL for the kernel
 * @ret: the clock, the caller's
 *
 * Return: 0, or a negative errno.
 */
int sb_clock_new(struct sb_loop *loop, struct sb_store *store, const struct sb_clock_source *source,
		 struct sb_clock **ret)
{
	SB_CLEANUP(sb_clock_free) struct sb_clock *clock = calloc(1, sizeof(*clock));
	int r;

	if (!clock)
		return -ENOMEM;
	clock->store = store;
	clock->source = source ? *source : kernel;
	clock->set_fd = -1;
	sb_timer_init(&clock->check, loop, check_on_time);
	sb_timer_init(&clock->save, loop, save_on_time);

	if (source) {
		(void)snprintf(clock->present.id, sizeof(clock->present.id), "%s", source->boot_id);
	} else {
		sb_clock_boot_id(clock->present.id, sizeof(clock->present.id));
		r = watch_wall_clock(clock, loop);
		if (r < 0)
			return r;
	}
	begin_boot(clock);
	sb_timer_arm(&clock->save, SAVE_USEC);
	save(clock);
	if (!clock->present.synchronised)
		sb_timer_arm(&clock->check, CHECK_USEC);

	*ret = SB_STEAL(clock);

	return 0;
}

/**
 * sb_clock_free() - note in the store how far this boot has come, and free the clock
 * @clock: may be NULL
 *
 * This waits until that is on disk, or has failed.
 *
 * Return: NULL.
 */
struct sb_clock *sb_clock_free(struct sb_clock *clock)
{
	if (!clock)
		return NULL;

	if (clock->present.number > 0) {
		save(clock);
		sb_store_drain(clock->store);
	}
	sb_timer_disarm(&clock->check);
	sb_timer_disarm(&clock->save);
	(void)sb_watch_free(clock->set);
	if (clock->set_fd >= 0)
		(void)close(clock->set_fd);
	free(clock);

	return NULL;
}

/**
 * sb_clock_now() - the present moment
 * @clock: the clock
 *
 * Return: never zeros.
 */
struct sb_moment sb_clock_now(const struct sb_clock *clock)
{
	return (struct sb_moment){ .boot = clock->present.number, .ms = boot_ms(clock) };
}

/**
 * sb_clock_steady_ms() - a moment on the one scale that all boots share, to compare moments
 * @clock: the clock
 * @moment: any
 *
 * Moments from before boots were numbered are older than all others, and those of a boot that is
 * forgotten count as if it had been the first. A moment of the present boot may be later when asked
 * for again, by the time that the box was off.
 *
 * Return: milliseconds that the box had been up, and off as far as that is known; within ± 2^60, whatever
 * the disk says.
 */
int64_t sb_clock_steady_ms(const struct sb_clock *clock, struct sb_moment moment)
{
	const struct sb_boot *boot = find_boot(clock, moment.boot);

	if (moment.boot == 0)
		return 0;

	return limit_steady(add(boot ? boot->base_ms : 0, moment.ms));
}

/* An earlier boot, in which nobody vouched for the wall clock. */
static int64_t unsure_wall_ms(const struct sb_clock *clock, const struct sb_boot *boot,
			      struct sb_moment moment)
{
	int64_t now;

	/*
	 * Counted back from a clock that is right, it comes out too late by the time that the box
	 * was off, which nobody knows; the clock of that boot may have been years off.
	 */
	if (clock->present.synchronised) {
		now = sb_clock_steady_ms(clock, sb_clock_now(clock));
		return subtract(wall_ms(clock), subtract(now, sb_clock_steady_ms(clock, moment)));
	}

	return add(moment.ms, boot->offset_ms);
}

/**
 * sb_clock_wall_ms() - when that was, as people read it
 * @clock: the clock
 * @moment: any; zeros for none
 *
 * It is worked out from what is known by now: after the clock was set, the answer may be another.
 *
 * Return: milliseconds since 1970; 0 when it is not known.
 */
int64_t sb_clock_wall_ms(const struct sb_clock *clock, struct sb_moment moment)
{
	const struct sb_boot *boot;
	int64_t wall;

	/* From before boots were numbered: stamped with the wall clock. */
	if (moment.boot == 0)
		return moment.ms;

	boot = find_boot(clock, moment.boot);
	if (!boot)
		return 0;
	if (boot == &clock->present) /* whose clock may have been set since its offset was noted */
		wall = add(moment.ms, subtract(wall_ms(clock), boot_ms(clock)));
	else if (boot->synchronised)
		wall = add(moment.ms, boot->offset_ms);
	else
		wall = unsure_wall_ms(clock, boot, moment);

	return plausible(wall);
}
