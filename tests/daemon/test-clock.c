/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "tests/daemon/scratch.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)

/* What time it really is when a test begins. */
#define TODAY (SB_CLOCK_PLAUSIBLE_MS + YEAR)

/* A box: how long it is up, and what its wall clock says. */
struct box {
	int64_t boot_ms;
	int64_t wall_ms;
	bool synchronised;
	const char *boot_id;
};

struct fixture {
	struct scratch scratch;
	struct box box;
	struct sb_loop *loop;
	struct sb_store *store;
	struct sb_clock *clock;
};

static int64_t box_boot_ms(void *userdata)
{
	const struct box *box = userdata;

	return box->boot_ms;
}

static int64_t box_wall_ms(void *userdata)
{
	const struct box *box = userdata;

	return box->wall_ms;
}

static bool box_synchronised(void *userdata)
{
	const struct box *box = userdata;

	return box->synchronised;
}

static void open_store(struct fixture *f)
{
	const struct sb_store_options options = { .sync = SB_SYNC_NORMAL };

	assert_int_equal(sb_store_open(f->loop, f->scratch.path, &options, &f->store), 0);
}

static void close_store(struct fixture *f)
{
	f->store = sb_store_close(f->store);
}

static void start(struct fixture *f)
{
	const struct sb_clock_source source = { box_boot_ms, box_wall_ms, box_synchronised,
						f->box.boot_id, &f->box };

	open_store(f);
	assert_int_equal(sb_clock_new(f->loop, f->store, &source, &f->clock), 0);
}

static void stop(struct fixture *f)
{
	f->clock = sb_clock_free(f->clock);
	close_store(f);
}

/* Time goes by, by the minute, and the daemon runs. */
static void run_for(struct fixture *f, int64_t ms)
{
	while (ms > 0) {
		int64_t step = ms < MINUTE ? ms : MINUTE;

		f->box.boot_ms += step;
		f->box.wall_ms += step;
		sb_loop_advance(f->loop, (uint64_t)step * SB_USEC_PER_MSEC);
		ms -= step;
	}
}

/* The box was off, is up for five seconds again and has no clock battery. */
static void boot(struct fixture *f, const char *boot_id)
{
	f->box = (struct box){ .boot_ms = 5 * SECOND, .wall_ms = SECOND, .boot_id = boot_id };
	start(f);
}

static void set_wall_clock(struct fixture *f, int64_t ms, bool synchronised)
{
	f->box.wall_ms = ms;
	f->box.synchronised = synchronised;
	run_for(f, MINUTE); /* until somebody looks */
}

static int64_t steady_now(const struct fixture *f)
{
	return sb_clock_steady_ms(f->clock, sb_clock_now(f->clock));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	sb_log_set_level(LOG_EMERG);
	(void)signal(SIGXFSZ, SIG_IGN);
	scratch_init(&f->scratch);
	assert_int_equal(sb_loop_new_virtual(&f->loop), 0);

	return 0;
}

/* As a disk that is full, or is not. */
static void limit_disk(bool full)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = full ? 0 : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	limit_disk(false);
	stop(f);
	(void)sb_loop_free(f->loop);
	scratch_done(&f->scratch);
	free(f);

	return 0;
}

static void a_moment_is_the_uptime_in_a_numbered_boot(void **state)
{
	struct fixture *f = *state;
	struct sb_moment moment;

	boot(f, "a");
	moment = sb_clock_now(f->clock);
	assert_int_equal(moment.boot, 1);
	assert_int_equal(moment.ms, 5 * SECOND);
	assert_int_equal(sb_clock_steady_ms(f->clock, moment), 5 * SECOND);
}

static void a_boot_goes_on_when_the_daemon_starts_again(void **state)
{
	struct fixture *f = *state;
	struct sb_moment before;

	boot(f, "a");
	before = sb_clock_now(f->clock);
	stop(f);
	run_for(f, HOUR);
	start(f);
	assert_int_equal(sb_clock_now(f->clock).boot, before.boot);
	assert_int_equal(steady_now(f) - sb_clock_steady_ms(f->clock, before), HOUR);
}

static void a_new_boot_begins_where_the_one_before_ended(void **state)
{
	struct fixture *f = *state;
	struct sb_moment before;

	boot(f, "a");
	run_for(f, DAY);
	before = sb_clock_now(f->clock);
	stop(f);
	boot(f, "b");
	assert_int_equal(sb_clock_now(f->clock).boot, before.boot + 1);
	assert_int_equal(sb_clock_steady_ms(f->clock, before), 5 * SECOND + DAY);
	assert_int_equal(steady_now(f), 5 * SECOND + DAY + 5 * SECOND);
}

static void an_id_of_long_ago_is_a_new_boot(void **state)
{
	struct fixture *f = *state;

	boot(f, "a");
	stop(f);
	boot(f, "b");
	stop(f);
	boot(f, "a");
	assert_int_equal(sb_clock_now(f->clock).boot, 3);
}

static void without_an_id_every_start_is_a_boot(void **state)
{
	struct fixture *f = *state;

	boot(f, "");
	stop(f);
	start(f);
	assert_int_equal(sb_clock_now(f->clock).boot, 2);
	assert_int_equal(steady_now(f), 2 * 5 * SECOND);
}

static const struct sb_boot *newest_row(struct fixture *f)
{
	const struct sb_boot *rows;
	size_t n;

	rows = sb_store_boots(f->store, &n);
	assert_true(n > 0);

	return &rows[n - 1];
}

static void the_row_says_what_is_known(void **state)
{
	struct fixture *f = *state;
	const struct sb_boot *row;

	boot(f, "a");
	stop(f);
	boot(f, "b");
	row = newest_row(f);
	assert_int_equal(row->number, 1);
	assert_string_equal(row->id, "a");
	assert_int_equal(row->base_ms, 0);
	assert_int_equal(row->last_ms, 5 * SECOND);
	assert_int_equal(row->offset_ms, 0);
	assert_false(row->synchronised);

	set_wall_clock(f, TODAY, true);
	stop(f);
	start(f);
	row = newest_row(f);
	assert_int_equal(row->number, 2);
	assert_string_equal(row->id, "b");
	assert_int_equal(row->base_ms, 5 * SECOND);
	assert_int_equal(row->last_ms, 5 * SECOND + MINUTE);
	assert_int_equal(row->offset_ms, TODAY - 5 * SECOND);
	assert_true(row->synchronised);
}

/* A daemon that runs for so long and has no time to end. */
static void run_until_the_power_cut(struct fixture *f, int64_t ms)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		assert_int_equal(sb_loop_new_virtual(&f->loop), 0); /* the other is the parent's */
		boot(f, "a");
		run_for(f, ms);
		sb_store_drain(f->store);
		_exit(EXIT_SUCCESS);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, EXIT_SUCCESS);
}

static void a_power_cut_costs_an_hour_at_most(void **state)
{
	struct fixture *f = *state;

	run_until_the_power_cut(f, 7 * HOUR + 59 * MINUTE);
	boot(f, "b");
	assert_int_equal(sb_clock_now(f->clock).boot, 2);
	assert_in_range(steady_now(f), 7 * HOUR, 7 * HOUR + 10 * SECOND);
}

static void what_was_before_boots_is_older_than_all(void **state)
{
	struct fixture *f = *state;

	boot(f, "a");
	assert_int_equal(sb_clock_steady_ms(f->clock, (struct sb_moment){ 0, TODAY }), 0);
	assert_int_equal(sb_clock_wall_ms(f->clock, (struct sb_moment){ 0, TODAY }), TODAY);
	assert_int_equal(sb_clock_wall_ms(f->clock, (struct sb_moment){ 0, 0 }), 0);
}

static void a_boot_that_is_forgotten_is_like_the_first(void **state)
{
	struct fixture *f = *state;
	struct sb_moment moment = { 77, 123 };

	boot(f, "a");
	f->box.wall_ms = TODAY;
	assert_int_equal(sb_clock_steady_ms(f->clock, moment), 123);
	assert_int_equal(sb_clock_wall_ms(f->clock, moment), 0);
}

static void the_time_is_not_known_before_the_clock_is_set(void **state)
{
	struct fixture *f = *state;
	struct sb_moment moment;

	boot(f, "a");
	moment = sb_clock_now(f->clock);
	assert_int_equal(sb_clock_wall_ms(f->clock, moment), 0);
	f->box.wall_ms = SB_CLOCK_PLAUSIBLE_MS - 1;
	assert_int_equal(sb_clock_wall_ms(f->clock, moment), 0);
	f->box.wall_ms = SB_CLOCK_PLAUSIBLE_MS;
	assert_int_equal(sb_clock_wall_ms(f->clock, moment), SB_CLOCK_PLAUSIBLE_MS);
}

static void setting_the_clock_corrects_what_was_before(void **state)
{
	struct fixture *f = *state;
	struct sb_moment moment;

	boot(f, "a");
	moment = sb_clock_now(f->clock);
	run_for(f, 10 * MINUTE);
	f->box.wall_ms = TODAY;
	assert_int_equal(sb_clock_wall_ms(f->clock, moment), TODAY - 10 * MINUTE);
	f->box.wall_ms = TODAY + YEAR;
	assert_int_equal(sb_clock_wall_ms(f->clock, moment), TODAY + YEAR - 10 * MINUTE);
}

static void a_clock_that_jumps_does_not_move_steady_time(void **state)
{
	struct fixture *f = *state;
	int64_t steady;

	boot(f, "a");
	set_wall_clock(f, TODAY, true);
	steady = steady_now(f);
	set_wall_clock(f, TODAY - YEAR / 2, true);
	assert_int_equal(steady_now(f), steady + MINUTE);
	set_wall_clock(f, TODAY + YEAR, true);
	assert_int_equal(steady_now(f), steady + 2 * MINUTE);
}

static void note_stored(void *userdata, int error)
{
	(void)userdata;
	assert_int_equal(error, 0);
}

/* A message that waits: the store remembers a boot as long as there is one of it. */
static void store_message(struct fixture *f, struct sb_moment taken)
{
	struct sb_message message = { .ticket = 1, .topic = (char[]){ "t" }, .taken = taken };

	assert_int_equal(sb_store_insert(f->store, "plant", &message, note_stored, NULL), 0);
	sb_store_drain(f->store);
}

static void a_boot_that_knew_the_time_is_believed(void **state)
{
	struct fixture *f = *state;
	struct sb_moment moment;

	boot(f, "a");
	moment = sb_clock_now(f->clock);
	store_message(f, moment);
	set_wall_clock(f, TODAY, true);
	stop(f);
	boot(f, "b");
	assert_int_equal(sb_clock_wall_ms(f->clock, moment), TODAY);
	stop(f);
	boot(f, "c"); /* and nobody knows for how long it was off before */
	set_wall_clock(f, TODAY + YEAR, true);
	assert_int_equal(sb_clock_wall_ms(f->clock, moment), TODAY);
}

static void nobody_takes_back_what_was_right(void **state)
{
	struct fixture *f = *state;
	struct sb_moment moment;

	boot(f, "a");
	moment = sb_clock_now(f->clock);
	set_wall_clock(f, TODAY, true);
	set_wall_clock(f, TODAY + YEAR, false);
	run_for(f, HOUR);
	stop(f);
	boot(f, "b");
	assert_int_equal(sb_clock_wall_ms(f->clock, moment), TODAY);
}

static void a_boot_that_did_not_is_counted_back_from_now(void **state)
{
	struct fixture *f = *state;
	struct sb_moment moment;

	boot(f, "a");
	moment = sb_clock_now(f->clock);
	run_for(f, HOUR);
	stop(f);
	boot(f, "b");
	assert_int_equal(sb_clock_wall_ms(f->clock, moment), 0);
	set_wall_clock(f, TODAY, true);
	assert_int_equal(sb_clock_wall_ms(f->clock, moment), TODAY - 5 * SECOND - HOUR);
}

static void without_anything_better_its_own_clock_counts(void **state)
{
	struct fixture *f = *state;
	struct sb_moment moment;

	boot(f, "a");
	moment = sb_clock_now(f->clock);
	f->box.wall_ms = TODAY; /* by hand */
	run_for(f, HOUR);
	stop(f);
	boot(f, "b");
	assert_int_equal(sb_clock_wall_ms(f->clock, moment), TODAY);
	set_wall_clock(f, TODAY + DAY, true);
	assert_int_equal(sb_clock_wall_ms(f->clock, moment), TODAY + DAY - 5 * SECOND - HOUR);
}

static void the_time_off_counts_once_it_is_known(void **state)
{
	struct fixture *f = *state;
	struct sb_moment first;
	struct sb_moment second;

	boot(f, "a");
	set_wall_clock(f, TODAY, true);
	first = sb_clock_now(f->clock);
	stop(f);
	boot(f, "b");
	second = sb_clock_now(f->clock);
	assert_int_equal(steady_now(f) - sb_clock_steady_ms(f->clock, first), 5 * SECOND);

	/* It was off for a day less five seconds, and nobody looks before the minute is over. */
	set_wall_clock(f, TODAY + MINUTE + DAY, true);
	assert_int_equal(steady_now(f) - sb_clock_steady_ms(f->clock, first), DAY + MINUTE);
	assert_int_equal(steady_now(f) - sb_clock_steady_ms(f->clock, second), MINUTE);
}

static void a_clock_that_is_right_at_once_counts_at_once(void **state)
{
	struct fixture *f = *state;
	struct sb_moment first;

	boot(f, "a");
	set_wall_clock(f, TODAY, true);
	first = sb_clock_now(f->clock);
	stop(f);
	f->box = (struct box){ 5 * SECOND, TODAY + MINUTE + DAY, true, "b" };
	start(f);
	assert_int_equal(steady_now(f) - sb_clock_steady_ms(f->clock, first), DAY);
}

static void a_clock_that_cannot_be_right_is_not_believed(void **state)
{
	struct fixture *f = *state;
	struct sb_moment first;

	boot(f, "a");
	set_wall_clock(f, TODAY, true);
	first = sb_clock_now(f->clock);
	stop(f);
	f->box = (struct box){ 5 * SECOND, 5 * SECOND, true, "b" };
	start(f);
	run_for(f, HOUR);
	set_wall_clock(f, TODAY + DAY, true);
	assert_int_equal(steady_now(f) - sb_clock_steady_ms(f->clock, first), DAY);
}

static void the_time_off_counts_once_only(void **state)
{
	struct fixture *f = *state;
	int64_t steady;

	boot(f, "a");
	set_wall_clock(f, TODAY, true);
	stop(f);
	boot(f, "b");
	set_wall_clock(f, TODAY + DAY, true);
	steady = steady_now(f);
	stop(f);
	f->box.wall_ms += YEAR;
	start(f);
	assert_int_equal(sb_clock_now(f->clock).boot, 2);
	assert_int_equal(steady_now(f), steady);
}

static void time_off_that_nobody_measured_does_not_count(void **state)
{
	struct fixture *f = *state;
	struct sb_moment first;

	boot(f, "a");
	set_wall_clock(f, TODAY, false);
	first = sb_clock_now(f->clock);
	stop(f);
	boot(f, "b");
	set_wall_clock(f, TODAY + DAY, true);
	assert_int_equal(steady_now(f) - sb_clock_steady_ms(f->clock, first), 5 * SECOND + MINUTE);
}

static void steady_time_is_never_lowered(void **state)
{
	struct fixture *f = *state;

	boot(f, "a");
	set_wall_clock(f, TODAY, true);
	stop(f);
	boot(f, "b");
	set_wall_clock(f, TODAY - DAY, true);
	assert_int_equal(steady_now(f), 5 * SECOND + MINUTE + 5 * SECOND + MINUTE);
}

/* Lets the daemon run for @hours, and returns how often the disk was written. */
static uint64_t commits_in(struct fixture *f, int hours)
{
	uint64_t before;

	sb_store_drain(f->store);
	before = sb_store_commits(f->store);
	for (int minute = 0; minute < 60 * hours; minute++) {
		run_for(f, MINUTE);
		sb_store_drain(f->store);
	}

	return sb_store_commits(f->store) - before;
}

static void the_disk_is_written_once_an_hour(void **state)
{
	struct fixture *f = *state;

	boot(f, "a");
	assert_int_equal(commits_in(f, 24), 24);
	f->box.synchronised = true; /* in 1970 */
	assert_int_equal(commits_in(f, 24), 24);
	f->box.wall_ms = TODAY;
	assert_int_equal(commits_in(f, 24), 24 + 1);
	f->box.synchronised = false; /* the cloud is away, and with it the time server */
	assert_int_equal(commits_in(f, 24), 24);
}

static void what_the_disk_refuses_is_tried_again_soon(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	boot(f, "a");
	sb_store_drain(f->store);
	before = sb_store_commits(f->store);
	limit_disk(true);
	run_for(f, HOUR);
	sb_store_drain(f->store);
	run_for(f, 10 * SECOND);
	sb_store_drain(f->store);
	limit_disk(false);
	assert_int_equal(sb_store_commits(f->store), before);
	run_for(f, 10 * SECOND);
	sb_store_drain(f->store);
	assert_int_equal(sb_store_commits(f->store), before + 1);

	/* And then once an hour again. */
	assert_int_equal(commits_in(f, 3), 3);
}

static void values_that_make_no_sense_do_no_harm(void **state)
{
	static const int64_t values[] = { INT64_MIN, -1, INT64_MAX };
	static const uint32_t boots[] = { 0, 1, UINT32_MAX - 1, UINT32_MAX };
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 27; i++) {
		const struct sb_boot row = { UINT32_MAX,	"silly",       values[i % 3],
					     values[i / 3 % 3], values[i / 9], i % 2 == 0 };

		open_store(f);
		assert_int_equal(sb_store_put_boot(f->store, &row, NULL, NULL), 0);
		close_store(f);
		f->box = (struct box){ SECOND, TODAY, i % 4 == 0, i % 5 == 0 ? "silly" : "new" };
		start(f);
		for (unsigned int j = 0; j < 12; j++) {
			struct sb_moment moment = { boots[j % 4], values[j / 4] };

			assert_true(sb_clock_wall_ms(f->clock, moment) == moment.ms ||
				    moment.boot > 0);
			assert_true(sb_clock_steady_ms(f->clock, moment) == 0 || moment.boot > 0);
			assert_true(sb_clock_steady_ms(f->clock, moment) <= INT64_MAX / 4);
			assert_true(sb_clock_steady_ms(f->clock, moment) >= INT64_MIN / 4);
		}
		assert_int_equal(sb_clock_now(f->clock).boot, UINT32_MAX);
		stop(f);
	}
	start(f);
}

static void the_kernel_is_asked_unless_a_test_says_otherwise(void **state)
{
	struct fixture *f = *state;
	struct sb_moment moment;
	struct timespec now;

	open_store(f);
	assert_int_equal(sb_clock_new(f->loop, f->store, NULL, &f->clock), 0);
	moment = sb_clock_now(f->clock);
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	assert_in_range((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - moment.ms, 0, MINUTE);
	assert_in_range(sb_wall_clock_ms() - sb_clock_wall_ms(f->clock, moment), 0, MINUTE);

	stop(f);
	open_store(f);
	assert_int_equal(sb_clock_new(f->loop, f->store, NULL, &f->clock), 0);
	assert_int_equal(sb_clock_now(f->clock).boot, moment.boot);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_moment_is_the_uptime_in_a_numbered_boot),
		CASE(a_boot_goes_on_when_the_daemon_starts_again),
		CASE(a_new_boot_begins_where_the_one_before_ended),
		CASE(an_id_of_long_ago_is_a_new_boot),
		CASE(without_an_id_every_start_is_a_boot),
		CASE(the_row_says_what_is_known),
		CASE(a_power_cut_costs_an_hour_at_most),
		CASE(what_was_before_boots_is_older_than_all),
		CASE(a_boot_that_is_forgotten_is_like_the_first),
		CASE(the_time_is_not_known_before_the_clock_is_set),
		CASE(setting_the_clock_corrects_what_was_before),
		CASE(a_clock_that_jumps_does_not_move_steady_time),
		CASE(a_boot_that_knew_the_time_is_believed),
		CASE(nobody_takes_back_what_was_right),
		CASE(a_boot_that_did_not_is_counted_back_from_now),
		CASE(without_anything_better_its_own_clock_counts),
		CASE(the_time_off_counts_once_it_is_known),
		CASE(a_clock_that_is_right_at_once_counts_at_once),
		CASE(a_clock_that_cannot_be_right_is_not_believed),
		CASE(the_time_off_counts_once_only),
		CASE(time_off_that_nobody_measured_does_not_count),
		CASE(steady_time_is_never_lowered),
		CASE(the_disk_is_written_once_an_hour),
		CASE(what_the_disk_refuses_is_tried_again_soon),
		CASE(values_that_make_no_sense_do_no_harm),
		CASE(the_kernel_is_asked_unless_a_test_says_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
