/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcoap sets the timer of a context anew with each datagram that it takes and nearly each that it sends,
 * which is two system calls a message. Nearly all of them only put it off, since the message before it is
 * acknowledged by now. A timer that fires too early does no harm: libcoap looks what is due, and sets it anew.
 * So a timer that is to fire later, or not at all, stays as it is, and only one that is to fire earlier is
 * told to the kernel. One wake-up too many is cheaper than a call for each message.
 *
 * There is no hook for that in libcoap, but it calls the C library through the dynamic linker, which looks in
 * the executable first; see daemon/transport-bind.c. All others set their timers to a moment, and only libcoap
 * to a span, which is how its calls are known. It does so on the loop's thread.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>

/* Where the C library has two kinds of time, its header says for which of the two a program was built. */
#if __TIMESIZE == 32 && defined(__USE_TIME_BITS64)
#define SETTIME "__timerfd_settime64"
#else
#define SETTIME "timerfd_settime"
#endif

#define UNKNOWN 0 /* nothing is left out */
#define NEVER UINT64_MAX
#define NSEC_PER_SEC UINT64_C(1000000000)

typedef int create_fn(int clock, int flags);
typedef int settime_fn(int fd, int flags, const struct itimerspec *value, struct itimerspec *old);

int timerfd_create(int clock, int flags) __attribute__((visibility("default")));
int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
	__attribute__((visibility("default")));

static pthread_once_t resolved = PTHREAD_ONCE_INIT;
static create_fn *next_create;
static settime_fn *next_settime;

/* By descriptor: when the kernel's timer fires, CLOCK_MONOTONIC in ns. */
static uint64_t *due;
static size_t n_due;

static void resolve(void)
{
	next_create = dlsym(RTLD_NEXT, "timerfd_create");
	next_settime = dlsym(RTLD_NEXT, SETTIME);
}

static uint64_t nsec(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * NSEC_PER_SEC + (uint64_t)time->tv_nsec;
}

/* Without memory nothing is known of it. */
static void make_room(size_t n)
{
	uint64_t *grown = n > n_due ? reallocarray(due, 2 * n, sizeof(*grown)) : NULL;

	if (!grown)
		return;
	due = grown;
	for (; n_due < 2 * n; n_due++)
		due[n_due] = UNKNOWN;
}

int timerfd_create(int clock, int flags)
{
	int fd;

	(void)pthread_once(&resolved, resolve);
	fd = next_create(clock, flags);
	if (fd < 0)
		return fd;
	make_room((size_t)fd + 1);
	if ((size_t)fd < n_due)
		due[fd] = NEVER; /* whatever had this number before */

	return fd;
}

static int set(int fd, int flags, const struct itimerspec *value, struct itimerspec *old,
	       uint64_t fires)
{
	int r = next_settime(fd, flags, value, old);

	if (fd >= 0 && (size_t)fd < n_due)
		due[fd] = r < 0 ? UNKNOWN : fires;

	return r;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
	struct timespec now;
	uint64_t fires = NEVER;

	(void)pthread_once(&resolved, resolve);
	if (flags != 0 || old || fd < 0 || (size_t)fd >= n_due || nsec(&value->it_interval) > 0)
		return set(fd, flags, value, old, UNKNOWN);

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (nsec(&value->it_value) > 0)
		fires = nsec(&now) + nsec(&value->it_value);
	if (due[fd] > nsec(&now) && due[fd] <= fires)
		return 0;

	return set(fd, flags, value, old, fires);
}
