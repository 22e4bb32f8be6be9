/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A failure to tell the service manager anything is absorbed in silence: it shows there, as a service that
 * does not become ready or is not alive.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "daemon/log.h"
#include "daemon/service.h"
#include "daemon/store.h"
#include "daemon/utf8.h"

/* Links change several times in a moment; people read one line. */
#define SETTLE_USEC (250 * SB_USEC_PER_MSEC)

/* Within the time that the service manager allows. At the second of them a disk that hangs is noticed. */
#define BEATS 4

/* What a sentence about one link may take of the line, so that one cannot hide the others. */
#define LINK_MAX 160

/* In the log within an hour. */
#define STALLS_MAX 4

/* The most that the line may be long, with its zero. */
#define STATUS_MAX 512

/* ---- the line for people ---- */

/** struct line - text that grows up to its room */
struct line {
	char text[STATUS_MAX];
	size_t used;
};

static void add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *line, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line->text + line->used, sizeof(line->text) - line->used, format, args);
	va_end(args);
	if (n > 0)
		line->used += (size_t)n;
	if (line->used >= sizeof(line->text))
		line->used = sizeof(line->text) - 1;
}

/* " | plant: no answer from coap.example.com", or " | plant is connecting". Reasons have semicolons. */
static void add_link(struct line *line, const struct sb_link_status *status)
{
	char text[LINK_MAX];

	(void)snprintf(text, sizeof(text), "%s%s%s", status->name,
		       *status->state_reason ? ": " : " is ",
		       *status->state_reason ? status->state_reason : status->state_word);
	add(line, " | %s", text);
}

/* How many are online, and of the others as many as there is room for. */
static void describe(const struct sb_service *service, struct line *line)
{
	size_t n = sb_gateway_n_links(service->gateway);
	struct sb_link_status status;
	size_t online = 0;
	size_t untold = 0;

	for (size_t i = 0; i < n; i++)
		online += sb_link_up(sb_gateway_link(service->gateway, i));
	if (service->stalled)
		add(line, "the disk does not answer | ");
	if (n == 0)
		add(line, "no link is configured");
	else
		add(line, "%zu of %zu links online", online, n);

	for (size_t i = 0; i < n; i++) {
		sb_link_status(sb_gateway_link(service->gateway, i), &status);
		if (status.state == SB_LINK_ONLINE)
			continue;
		if (line->used + LINK_MAX + sizeof(" | and 12345 more") < sizeof(line->text))
			add_link(line, &status);
		else
			untold++;
	}
	if (untold > 0)
		add(line, " | and %zu more", untold);
}

static void tell(struct sb_service *service, const char *state)
{
	struct line line = { .used = 0 };

	sb_timer_disarm(&service->settle);
	describe(service, &line);
	/* A line end would begin another assignment, and what is no UTF-8 is not taken. Words of clouds are in it. */
	sb_utf8_make_printable(line.text);
	(void)sd_notifyf(0, "%sSTATUS=%s", state, line.text);
}

static void service_on_settle(struct sb_timer *timer)
{
	tell(sb_container_of(timer, struct sb_service, settle), "");
}

static void note_change(struct sb_service *service)
{
	/* Before it is ready and while it ends, others say what there is to say. */
	if (service->ready && !sb_gateway_stopping(service->gateway) &&
	    !sb_timer_armed(&service->settle))
		sb_timer_arm(&service->settle, SETTLE_USEC);
}

static void service_on_link(void *userdata, struct sb_link *link)
{
	(void)link;
	note_change(userdata);
}

static void service_on_link_changed(void *userdata, struct sb_link *link, uint32_t what)
{
	(void)link;
	if (what & (SB_LINK_CHANGED_STATE | SB_LINK_CHANGED_UP))
		note_change(userdata);
}

static void service_on_link_replaced(void *userdata, struct sb_link *old, struct sb_link *link)
{
	(void)old;
	service_on_link(userdata, link);
}

/* ---- alive ---- */

static void log_stall(struct sb_service *service)
{
	uint64_t now = sb_loop_now(sb_gateway_loop(service->gateway));

	if (!service->stalled) {
		if (service->logged)
			sb_log_event(SB_EVENT_STORE_ANSWERS, NULL, "the disk answers again");
		return;
	}
	service->logged = sb_hourly_take(&service->stalls, now, STALLS_MAX);
	if (service->logged)
		sb_log_event(
			SB_EVENT_STORE_STALLS, NULL,
			"the disk has not answered for %" PRIu64
			" s: no message is taken or settled meanwhile. If it goes on, the service "
			"manager starts skybusd again; look for the disk's errors in the kernel's "
			"log",
			service->beat_usec / SB_USEC_PER_SEC);
}

static void say_stall(struct sb_service *service, bool stalled)
{
	if (service->stalled == stalled)
		return;

	service->stalled = stalled;
	log_stall(service);
	tell(service, "");
}

/* There is always something for the store to do: what this beat asks of it is done at the next. */
static void service_on_beat(struct sb_timer *timer)
{
	struct sb_service *service = sb_container_of(timer, struct sb_service, beat);
	struct sb_store *store = sb_gateway_store(service->gateway);
	uint64_t done = sb_store_jobs_done(store);

	sb_timer_arm(timer, service->beat_usec);
	say_stall(service, done == service->jobs_done);
	if (!service->stalled)
		(void)sd_notify(0, "WATCHDOG=1");
	service->jobs_done = done;
	/* One that there is no memory for looks like a stall, and rightly so if that lasts. */
	(void)sb_store_ping(store);
}

static void begin_to_beat(struct sb_service *service)
{
	uint64_t usec;

	if (sd_watchdog_enabled(0, &usec) <= 0)
		return;

	service->beat_usec = usec / BEATS;
	service->jobs_done = sb_store_jobs_done(sb_gateway_store(service->gateway));
	(void)sb_store_ping(sb_gateway_store(service->gateway));
	sb_timer_arm(&service->beat, service->beat_usec);
}

/* ---- from outside ---- */

/**
 * sb_service_init() - tell the service manager nothing yet
 * @service: to be set up
 * @gateway: whose links it is about; outlives the service
 */
void sb_service_init(struct sb_service *service, struct sb_gateway *gateway)
{
	*service = (struct sb_service){
		.gateway = gateway,
		.listener = {
			.link_added = service_on_link,
			.link_removed = service_on_link,
			.link_replaced = service_on_link_replaced,
			.link_changed = service_on_link_changed,
			.userdata = service,
		},
	};
	sb_timer_init(&service->settle, sb_gateway_loop(gateway), service_on_settle);
	sb_timer_init(&service->beat, sb_gateway_loop(gateway), service_on_beat);
	sb_gateway_listen(gateway, &service->listener);
}

/**
 * sb_service_done() - tell it nothing more
 * @service: set up, or zeroed
 */
void sb_service_done(struct sb_service *service)
{
	if (!service->gateway)
		return;

	sb_timer_disarm(&service->settle);
	sb_timer_disarm(&service->beat);
	sb_gateway_unlisten(service->gateway, &service->listener);
	service->gateway = NULL;
}

/**
 * sb_service_ready() - the configuration is in force, at the start or after sb_service_reloading()
 * @service: the service
 *
 * From the first time on the daemon tells that it is alive, if WatchdogSec= asks for it.
 */
void sb_service_ready(struct sb_service *service)
{
	service->ready = true;
	tell(service, "READY=1\n");
	if (service->beat_usec == 0)
		begin_to_beat(service);
}

/**
 * sb_service_reloading() - the configuration is about to be read again
 * @service: the service; sb_service_ready() follows, whatever comes of it
 */
void sb_service_reloading(struct sb_service *service)
{
	struct timespec now;

	(void)service;
	/* sd_notify(3): without the time the manager may take an old READY=1 for the answer. */
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
			 (uint64_t)now.tv_sec * SB_USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000);
}

/**
 * sb_service_stopping() - the daemon is about to end
 * @service: the service
 */
void sb_service_stopping(struct sb_service *service)
{
	sb_timer_disarm(&service->settle);
	(void)sd_notify(0, "STOPPING=1\nSTATUS=ending: waits for what the clouds still have to "
			   "answer, and for the disk");
}
