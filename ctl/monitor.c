/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A live view of the links: what the daemon measures, looked at again and again, as rates between two looks.
 * Two tables: the samples that are needed of the metrics, and the columns that are made of them.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl/bus.h"
#include "ctl/listen.h"
#include "ctl/number.h"
#include "ctl/output.h"
#include "ctl/run.h"

/** struct monitor - one run of "monitor" */
struct monitor {
	struct ctl *ctl;
	struct ctl_listen listen;
	sd_event_source *timer;
	uint64_t interval_usec;
	uint64_t left; /* of --count */
	uint64_t looked_usec; /* when before was seen; 0 for never */
	json_t *before; /* by link; see look() */
};

/* What of the metrics is summed up under which key; a label of NULL takes all samples of the family. */
static const struct {
	const char *family;
	const char *label;
	const char *value;
	const char *key;
} wanted[] = {
	{ "skybus_link_ended_messages", "outcome", "delivered", "delivered" },
	{ "skybus_link_ended_messages", NULL, NULL, "ended" },
	{ "skybus_link_queued_messages", NULL, NULL, "queued" },
	{ "skybus_link_in_flight_messages", NULL, NULL, "in_flight" },
	{ "skybus_link_window_requests", NULL, NULL, "window" },
	{ "skybus_link_retransmissions", NULL, NULL, "retransmissions" },
	{ "skybus_link_wire_bytes", "direction", "sent", "wire_sent" },
	{ "skybus_link_wire_bytes", "direction", "received", "wire_received" },
};

static const struct ctl_column columns[] = {
	{ "link", "LINK", CTL_TEXT, false },
	{ "state", "STATE", CTL_STATE, false },
	{ "delivered_per_second", "DELIVERED/s", CTL_NUMBER, false },
	{ "queued", "QUEUED", CTL_NUMBER, false },
	{ "in_flight", "IN FLIGHT", CTL_NUMBER, false },
	{ "window", "WINDOW", CTL_NUMBER, false },
	{ "p50_ms", "P50 ms", CTL_NUMBER, false },
	{ "p95_ms", "P95 ms", CTL_NUMBER, false },
	{ "retransmissions_per_second", "AGAIN/s", CTL_NUMBER, false },
	{ "bytes_per_second", "BYTES/s", CTL_BYTES, false },
	{ "undelivered", "LOST", CTL_NUMBER, false },
};

/* ---- a look ------------------------------------------------------------------------------------ */

static double number_at(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void add(json_t *link, const char *key, double value)
{
	(void)json_object_set_new(link, key, json_real(number_at(link, key) + value));
}

static json_t *link_of(json_t *links, const json_t *labels)
{
	const char *name = json_string_value(json_object_get(labels, "link"));
	json_t *link = name ? json_object_get(links, name) : NULL;

	if (name && !link) {
		link = json_pack("{s:{}}", "buckets");
		(void)json_object_set_new(links, name, link);
	}

	return link;
}

static void take_wanted(json_t *link, const char *family, const json_t *labels, double value)
{
	for (size_t i = 0; i < CTL_ELEMENTS(wanted); i++) {
		const char *label =
			wanted[i].label
				? json_string_value(json_object_get(labels, wanted[i].label))
				: NULL;

		if (strcmp(family, wanted[i].family) == 0 &&
		    (!wanted[i].label || (label && strcmp(label, wanted[i].value) == 0)))
			add(link, wanted[i].key, value);
	}
}

/* A sample: suffix, labels, value. */
static void take_sample(json_t *links, const char *family, const json_t *sample)
{
	const char *suffix = json_string_value(json_array_get(sample, 0));
	const json_t *labels = json_array_get(sample, 1);
	double value = json_number_value(json_array_get(sample, 2));
	json_t *link = link_of(links, labels);

	if (!link || !suffix)
		return;
	if (strcmp(family, "skybus_link_state") == 0 && value > 0)
		(void)json_object_set(link, "state", json_object_get(labels, family));
	if (strcmp(family, "skybus_link_round_trip_seconds") == 0 && strcmp(suffix, "_bucket") == 0)
		(void)json_object_set_new(json_object_get(link, "buckets"),
					  json_string_value(json_object_get(labels, "le")),
					  json_real(value));
	take_wanted(link, family, labels, value);
}

/* Sets *ret to an object: by link its state, sums by key, and buckets of the histogram. */
static enum ctl_exit look(struct ctl *ctl, json_t **ret)
{
	CTL_CLEANUP(json_decref) json_t *families = NULL;
	const json_t *family, *sample;
	enum ctl_exit status;
	json_t *links;
	size_t i, k;

	status = ctl_value(ctl, CTL_ROOT, CTL_MANAGER, "ListMetrics", &families, NULL);
	if (status != CTL_EXIT_OK)
		return status;
	links = json_object();
	json_array_foreach(families, i, family)
		json_array_foreach(json_array_get(family, 3), k, sample)
			take_sample(links, json_string_value(json_array_get(family, 0)), sample);
	*ret = links;

	return links ? CTL_EXIT_OK : ctl_no_memory();
}

/* ---- what is made of two looks ----------------------------------------------------------------- */

/*
 * The upper bound of the bucket in which the part of the round trips between two looks ends, in milliseconds;
 * JSON's null if there were none, or if they were beyond the last bound.
 */
static json_t *quantile(const json_t *before, const json_t *now, double part)
{
	const json_t *earlier = json_object_get(before, "buckets"),
		     *later = json_object_get(now, "buckets");
	double all = number_at(later, "+Inf") - number_at(earlier, "+Inf"), best = INFINITY;
	const json_t *count;
	const char *bound;

	json_object_foreach((json_t *)later, bound, count)
		if (json_number_value(count) - number_at(earlier, bound) >= part * all &&
		    strtod(bound, NULL) < best)
			best = strtod(bound, NULL);

	return all > 0 && isfinite(best) ? json_real(best * 1000) : json_null();
}

/* Per second, to one digit behind the point. A link that was replaced counts from 0. */
static double rate(const json_t *before, const json_t *now, const char *key, double seconds)
{
	double grown = number_at(now, key) - number_at(before, key);

	return seconds > 0 && grown > 0 ? (double)(int64_t)(grown / seconds * 10 + 0.5) / 10 : 0;
}

static json_int_t whole(const json_t *object, const char *key)
{
	return (json_int_t)number_at(object, key);
}

static json_t *make_row(const char *name, const json_t *before, const json_t *now, double seconds)
{
	double bytes = rate(before, now, "wire_sent", seconds) +
		       rate(before, now, "wire_received", seconds);

	return json_pack("{s:s, s:O?, s:f, s:I, s:I, s:I, s:o, s:o, s:f, s:I, s:I}", "link", name,
			 "state", json_object_get(now, "state"), "delivered_per_second",
			 rate(before, now, "delivered", seconds), "queued", whole(now, "queued"),
			 "in_flight", whole(now, "in_flight"), "window", whole(now, "window"),
			 "p50_ms", quantile(before, now, 0.5), "p95_ms",
			 quantile(before, now, 0.95), "retransmissions_per_second",
			 rate(before, now, "retransmissions", seconds), "bytes_per_second",
			 (json_int_t)bytes, "undelivered",
			 whole(now, "ended") - whole(now, "delivered"));
}

static json_t *make_rows(const json_t *before, json_t *now, double seconds)
{
	json_t *rows = json_array(), *link;
	const char *name;

	json_object_foreach(now, name, link)
		(void)json_array_append_new(rows, make_row(name, json_object_get(before, name),
							   link, seconds));

	return rows;
}

/* So that the first rows are not pushed out above, and there is room for heading, sum and cursor. Returns how many go. */
static size_t cut_to_screen(json_t *rows)
{
	size_t all = json_array_size(rows), shown = all;
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
	    all + 2 > size.ws_row)
		shown = size.ws_row > 4 ? size.ws_row - 3U : 1;
	while (json_array_size(rows) > shown)
		(void)json_array_remove(rows, shown);

	return all > shown ? all - shown : 0;
}

static enum ctl_exit show(const struct monitor *monitor, json_t *rows)
{
	enum ctl_exit status;
	const json_t *row;
	size_t i, cut = 0;

	if (monitor->ctl->json) {
		json_array_foreach(rows, i, row)
			if (ctl_print_json(row, false) != CTL_EXIT_OK)
				return CTL_EXIT_FAILED;
		return fflush(stdout) == 0 ? CTL_EXIT_OK : CTL_EXIT_FAILED;
	}
	/* To the upper left corner, and what was there goes. */
	if (isatty(STDOUT_FILENO)) {
		(void)fputs("\033[H\033[2J", stdout);
		cut = cut_to_screen(rows);
	}
	if (json_array_size(rows) == 0)
		(void)puts("There are no links.");
	status = ctl_print_table(monitor->ctl, columns, CTL_ELEMENTS(columns), rows);
	if (cut > 0)
		(void)printf("and %zu more\n", cut);

	/* Nobody reads it any more; ctl_output_done() says so. */
	return status == CTL_EXIT_OK && fflush(stdout) != 0 ? CTL_EXIT_FAILED : status;
}

/* ---- again and again --------------------------------------------------------------------------- */

/* The first look has nothing to compare with, and is not shown. */
static enum ctl_exit step(struct monitor *monitor)
{
	CTL_CLEANUP(json_decref) json_t *rows = NULL;
	uint64_t now_usec = ctl_clock();
	json_t *now = NULL;
	enum ctl_exit status;

	status = look(monitor->ctl, &now);
	if (status != CTL_EXIT_OK)
		return status;
	if (monitor->before) {
		double seconds = (double)(now_usec - monitor->looked_usec) / CTL_USEC_PER_SEC;

		rows = make_rows(monitor->before, now, seconds);
		status = rows ? show(monitor, rows) : ctl_no_memory();
		monitor->left -= monitor->left != UINT64_MAX;
	}
	json_decref(monitor->before);
	monitor->before = now;
	monitor->looked_usec = now_usec;

	return status;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct monitor *monitor = userdata;
	enum ctl_exit status = step(monitor);

	(void)usec;
	if (status != CTL_EXIT_OK || monitor->left == 0) {
		ctl_listen_end(&monitor->listen, status);
		return 0;
	}
	(void)sd_event_source_set_time_relative(source, monitor->interval_usec);

	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static enum ctl_exit begin(struct monitor *monitor)
{
	struct ctl *ctl = monitor->ctl;
	enum ctl_exit status = CTL_EXIT_OK;

	if (ctl_option(ctl, "count"))
		status = ctl_number(ctl_option(ctl, "count"), "--count", &monitor->left);
	if (status == CTL_EXIT_OK)
		status = ctl_span_option(ctl, "interval", &monitor->interval_usec);
	if (status == CTL_EXIT_OK && (monitor->left == 0 || monitor->interval_usec == 0))
		status = ctl_fail(CTL_EXIT_USAGE, "--count and --interval are above 0.");
	if (status == CTL_EXIT_OK)
		status = ctl_listen_init(&monitor->listen, ctl, NULL, NULL);
	if (status == CTL_EXIT_OK)
		status = step(monitor);
	if (status != CTL_EXIT_OK)
		return status;

	return sd_event_add_time_relative(monitor->listen.event, &monitor->timer, CLOCK_BOOTTIME,
					  monitor->interval_usec, 1000, on_time, monitor) < 0
		       ? ctl_no_memory()
		       : CTL_EXIT_OK;
}

/** ctl_run_monitor() - "monitor": until it is stopped */
enum ctl_exit ctl_run_monitor(struct ctl *ctl)
{
	struct monitor monitor = {
		.ctl = ctl,
		.interval_usec = CTL_USEC_PER_SEC,
		.left = UINT64_MAX,
	};
	enum ctl_exit status = begin(&monitor);

	if (status == CTL_EXIT_OK)
		status = ctl_listen_run(&monitor.listen);
	monitor.timer = sd_event_source_unref(monitor.timer);
	json_decref(monitor.before);
	ctl_listen_done(&monitor.listen);

	return status;
}
