/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/metrics.h"
#include "daemon/cleanup.h"
#include "daemon/inboxes.h"
#include "daemon/process-usage.h"
#include "daemon/store-health.h"
#include "daemon/store.h"

/** struct reader - who reads a family */
struct reader {
	struct sb_gateway *gateway;
	const struct sb_metric *metric;
	sb_metric_sample_fn *each;
	void *userdata;
};

static int tell(const struct reader *reader, const char *suffix,
		const struct sb_metric_label *labels, size_t n_labels, double value)
{
	const struct sb_metric_sample sample = {
		.suffix = suffix,
		.labels = labels,
		.n_labels = n_labels,
		.value = value,
	};

	return reader->each(reader->userdata, &sample);
}

static int tell_one(const struct reader *reader, const char *suffix, double value)
{
	return tell(reader, suffix, NULL, 0, value);
}

static int tell_link(const struct reader *reader, const struct sb_link_status *status,
		     const char *suffix, double value)
{
	const struct sb_metric_label label = { "link", status->name };

	return tell(reader, suffix, &label, 1, value);
}

/* ---- links ----------------------------------------------------------------------------------- */

typedef int link_fn(const struct reader *reader, const struct sb_link_status *status);

static int each_link(const struct reader *reader, link_fn *read)
{
	for (size_t i = 0; i < sb_gateway_n_links(reader->gateway); i++) {
		struct sb_link_status status;
		int r;

		sb_link_status(sb_gateway_link(reader->gateway, i), &status);
		r = read(reader, &status);
		if (r < 0)
			return r;
	}

	return 0;
}

static int tell_directions(const struct reader *reader, const struct sb_link_status *status,
			   uint64_t sent, uint64_t received)
{
	struct sb_metric_label labels[] = { { "link", status->name }, { "direction", "sent" } };
	int r;

	r = tell(reader, "_total", labels, SB_ELEMENTS(labels), (double)sent);
	if (r < 0)
		return r;
	labels[1].value = "received";

	return tell(reader, "_total", labels, SB_ELEMENTS(labels), (double)received);
}

static int link_state(const struct reader *reader, const struct sb_link_status *status)
{
	static const char *const words[] = {
#define STATE_WORD(constant, word) [constant] = (word),
		SB_LINK_STATES(STATE_WORD)
#undef STATE_WORD
	};
	int r = 0;

	/* The label of a state set has its own name. */
	for (size_t i = 0; r >= 0 && i < SB_ELEMENTS(words); i++) {
		const struct sb_metric_label labels[] = {
			{ "link", status->name },
			{ reader->metric->name, words[i] },
		};

		r = tell(reader, "", labels, SB_ELEMENTS(labels), status->state == i);
	}

	return r;
}

static int link_queued_messages(const struct reader *reader, const struct sb_link_status *status)
{
	return tell_link(reader, status, "", (double)status->queue.queued);
}

static int link_queued_bytes(const struct reader *reader, const struct sb_link_status *status)
{
	return tell_link(reader, status, "", (double)status->queue.queued_bytes);
}

static int link_in_flight(const struct reader *reader, const struct sb_link_status *status)
{
	return tell_link(reader, status, "", (double)status->queue.in_flight);
}

static int link_window(const struct reader *reader, const struct sb_link_status *status)
{
	return tell_link(reader, status, "", status->window);
}

static int link_ended(const struct reader *reader, const struct sb_link_status *status)
{
	int r = 0;

	for (enum sb_cause cause = 0; r >= 0 && cause < SB_N_CAUSES; cause++) {
		const struct sb_metric_label labels[] = {
			{ "link", status->name },
			{ "outcome", sb_outcome_word(sb_cause_outcome(cause)) },
			{ "cause", sb_cause_word(cause) },
		};

		/* These are no message's of a queue. */
		if (cause == SB_CAUSE_INBOX_FULL || cause == SB_CAUSE_FORGOTTEN)
			continue;
		r = tell(reader, "_total", labels, SB_ELEMENTS(labels),
			 (double)status->queue.causes[cause]);
	}

	return r;
}

static int link_round_trips(const struct reader *reader, const struct sb_link_status *status)
{
	const struct sb_histogram *trips = &status->counts.round_trips;
	uint64_t n = 0;
	int r = 0;

	for (unsigned int i = 0; r >= 0 && i <= SB_N_BOUNDS; i++) {
		const struct sb_metric_label labels[] = {
			{ "link", status->name },
			{ "le", sb_histogram_bound(i) },
		};

		n += trips->counts[i];
		r = tell(reader, "_bucket", labels, SB_ELEMENTS(labels), (double)n);
	}
	if (r >= 0)
		r = tell_link(reader, status, "_count", (double)n);

	return r >= 0 ? tell_link(reader, status, "_sum", (double)trips->sum_usec / SB_USEC_PER_SEC)
		      : r;
}

static int link_retransmissions(const struct reader *reader, const struct sb_link_status *status)
{
	return tell_link(reader, status, "_total", (double)status->wire_repeated);
}

static int link_wire(const struct reader *reader, const struct sb_link_status *status)
{
	return tell_directions(reader, status, status->wire_sent, status->wire_received);
}

static int link_coap(const struct reader *reader, const struct sb_link_status *status)
{
	return tell_directions(reader, status, status->traffic.sent, status->traffic.received);
}

static int link_logins(const struct reader *reader, const struct sb_link_status *status)
{
	static const char *const words[] = {
#define LOGIN_WORD(constant, word) [constant] = (word),
		SB_LOGIN_RESULTS(LOGIN_WORD)
#undef LOGIN_WORD
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < SB_N_LOGIN_RESULTS; i++) {
		const struct sb_metric_label labels[] = {
			{ "link", status->name },
			{ "result", words[i] },
		};

		r = tell(reader, "_total", labels, SB_ELEMENTS(labels),
			 (double)status->counts.logins[i]);
	}

	return r;
}

/* A link without one has no sample. */
static int link_budget(const struct reader *reader, const struct sb_link_status *status)
{
	return status->budget > 0 ? tell_link(reader, status, "", (double)status->budget) : 0;
}

static int link_budget_used(const struct reader *reader, const struct sb_link_status *status)
{
	return status->budget > 0 ? tell_link(reader, status, "", (double)status->budget_used) : 0;
}

/* Without one there is no sample: 0 would be 1970. */
static int link_expiry(const struct reader *reader, const struct sb_link_status *status)
{
	return status->session_expires_ms > 0
		       ? tell_link(reader, status, "", (double)status->session_expires_ms / 1000)
		       : 0;
}

/* ---- inboxes, subscriptions, streams ---------------------------------------------------------- */

/** struct inbox_sum - of the inboxes of all users: whose they are is not everybody's business */
struct inbox_sum {
	uint64_t inboxes;
	uint64_t messages;
	uint64_t bytes;
	uint64_t lost;
};

static void add_inbox(void *userdata, const struct sb_inbox_status *status)
{
	struct inbox_sum *sum = userdata;

	sum->inboxes++;
	sum->messages += status->messages;
	sum->bytes += status->bytes;
	sum->lost += status->lost;
}

static struct inbox_sum sum_inboxes(const struct reader *reader)
{
	struct inbox_sum sum = { 0 };

	sb_inboxes_each(sb_gateway_inboxes(reader->gateway), add_inbox, &sum);

	return sum;
}

static int inboxes(const struct reader *reader)
{
	return tell_one(reader, "", (double)sum_inboxes(reader).inboxes);
}

static int inbox_messages(const struct reader *reader)
{
	return tell_one(reader, "", (double)sum_inboxes(reader).messages);
}

static int inbox_bytes(const struct reader *reader)
{
	return tell_one(reader, "", (double)sum_inboxes(reader).bytes);
}

/* Of an inbox that is forgotten its losses go as well, so it is none of a counter's. */
static int inbox_lost(const struct reader *reader)
{
	return tell_one(reader, "", (double)sum_inboxes(reader).lost);
}

static int subscriptions(const struct reader *reader)
{
	return tell_one(reader, "", (double)sb_hub_count(sb_gateway_hub(reader->gateway)));
}

static int streams(const struct reader *reader)
{
	return tell_one(reader, "", (double)sb_gateway_streams(reader->gateway)->n);
}

/* ---- the disk, the process -------------------------------------------------------------------- */

static int store_bytes(const struct reader *reader)
{
	return tell_one(reader, "", (double)sb_store_bytes(sb_gateway_store(reader->gateway)));
}

static int store_commits(const struct reader *reader)
{
	return tell_one(reader, "_total",
			(double)sb_store_commits(sb_gateway_store(reader->gateway)));
}

static int store_failing(const struct reader *reader)
{
	struct sb_store_report report;

	sb_store_report(sb_gateway_store(reader->gateway), &report);

	return tell_one(reader, "", report.error != 0);
}

static int build(const struct reader *reader)
{
	const struct sb_metric_label label = { "version", SKYBUS_VERSION };

	return tell(reader, "_info", &label, 1, 1);
}

static int cpu(const struct reader *reader)
{
	return tell_one(reader, "_total", sb_process_cpu_seconds());
}

/* What the kernel does not tell has no sample. */
static int tell_known(const struct reader *reader, double value)
{
	return value < 0 ? 0 : tell_one(reader, "", value);
}

static int resident(const struct reader *reader)
{
	return tell_known(reader, sb_process_resident_bytes());
}

static int open_fds(const struct reader *reader)
{
	return tell_known(reader, sb_process_open_fds());
}

static int start_time(const struct reader *reader)
{
	return tell_known(reader, sb_process_start_seconds());
}

/* ---- the table -------------------------------------------------------------------------------- */

/*
 * L(…) of each link, X(…) of the whole: (name, type, what reads it, help). The unit is the end of the name; the
 * "_total" of a counter is its samples'.
 */
#define METRICS(L, X)                                                                            \
	L("skybus_link_state", "stateset", link_state, "In which state a link is.")              \
	L("skybus_link_queued_messages", "gauge", link_queued_messages,                          \
	  "Messages taken and not ended, those in flight included.")                             \
	L("skybus_link_queued_bytes", "gauge", link_queued_bytes,                                \
	  "The bytes of their topics and payloads.")                                             \
	L("skybus_link_in_flight_messages", "gauge", link_in_flight,                             \
	  "Messages sent and not answered.")                                                     \
	L("skybus_link_window_requests", "gauge", link_window,                                   \
	  "Requests with messages that may be on their way at a time, as the network allows.")   \
	L("skybus_link_ended_messages", "counter", link_ended,                                   \
	  "Messages that have ended since the start, by outcome and cause.")                     \
	L("skybus_link_round_trip_seconds", "histogram", link_round_trips,                       \
	  "From sending a message or a request to its answer, repetitions included.")            \
	L("skybus_link_retransmissions", "counter", link_retransmissions,                        \
	  "CoAP messages sent again, as nobody had acknowledged them in time.")                  \
	L("skybus_link_wire_bytes", "counter", link_wire,                                        \
	  "Bytes as whoever bills the link counts them: whole packets with IP, UDP and DTLS.")   \
	L("skybus_link_coap_bytes", "counter", link_coap,                                        \
	  "Bytes of requests and responses, without repetitions and lower layers.")              \
	L("skybus_link_logins", "counter", link_logins, "Logins by what came of them.")          \
	L("skybus_link_session_expiry_timestamp_seconds", "gauge", link_expiry,                  \
	  "When the present login ends, as seconds since 1970.")                                 \
	L("skybus_link_budget_bytes", "gauge", link_budget,                                      \
	  "Bytes on the wire that a link may use in its day or month.")                          \
	L("skybus_link_budget_used_bytes", "gauge", link_budget_used,                            \
	  "How many of them are used.")                                                          \
	X("skybus_inboxes", "gauge", inboxes, "Inboxes of all users.")                           \
	X("skybus_inbox_messages", "gauge", inbox_messages,                                      \
	  "Messages that wait in them until their apps acknowledge them.")                       \
	X("skybus_inbox_bytes", "gauge", inbox_bytes, "The bytes of their topics and payloads.") \
	X("skybus_inbox_lost_messages", "gauge", inbox_lost,                                     \
	  "Messages that the inboxes there are could not keep, ever.")                           \
	X("skybus_subscriptions", "gauge", subscriptions,                                        \
	  "Subscriptions of apps, inboxes included.")                                            \
	X("skybus_streams", "gauge", streams, "Streams that apps have open.")                    \
	X("skybus_store_database_bytes", "gauge", store_bytes,                                   \
	  "Bytes of the database on disk after the last commit, its journal included.")          \
	X("skybus_store_commits", "counter", store_commits,                                      \
	  "Transactions that were committed to disk.")                                           \
	X("skybus_store_failing", "gauge", store_failing,                                        \
	  "1 while the disk refuses what is to be kept, else 0.")                                \
	X("skybus_build", "info", build, "Which skybusd this is.")                               \
	X("skybus_process_cpu_seconds", "counter", cpu, "CPU time of the daemon.")               \
	X("skybus_process_resident_memory_bytes", "gauge", resident,                             \
	  "Memory of the daemon that is resident.")                                              \
	X("skybus_process_open_fds", "gauge", open_fds, "Descriptors that the daemon has open.") \
	X("skybus_process_start_time_seconds", "gauge", start_time,                              \
	  "When the daemon started, as seconds since 1970.")

static const struct {
	struct sb_metric metric;
	link_fn *of_link; /* one of the two */
	int (*of_all)(const struct reader *reader);
} metrics[] = {
#define LINK_ROW(its_name, its_type, read, its_help)                                \
	{ .metric = { .name = (its_name), .type = (its_type), .help = (its_help) }, \
	  .of_link = (read) },
#define ROW(its_name, its_type, read, its_help)                                     \
	{ .metric = { .name = (its_name), .type = (its_type), .help = (its_help) }, \
	  .of_all = (read) },
	METRICS(LINK_ROW, ROW)
#undef LINK_ROW
#undef ROW
};

/**
 * sb_metrics_count() - how many families there are
 *
 * Return: at least 1.
 */
size_t sb_metrics_count(void)
{
	return SB_ELEMENTS(metrics);
}

/**
 * sb_metrics_at() - one family
 * @index: below sb_metrics_count()
 *
 * Return: static.
 */
const struct sb_metric *sb_metrics_at(size_t index)
{
	return &metrics[index].metric;
}

/**
 * sb_metrics_read() - the samples of a family, as they are now
 * @gateway: of whose links
 * @index: of the family
 * @each: called for each
 * @userdata: for @each
 *
 * Return: 0, or what @each has returned.
 */
int sb_metrics_read(struct sb_gateway *gateway, size_t index, sb_metric_sample_fn *each,
		    void *userdata)
{
	const struct reader reader = {
		.gateway = gateway,
		.metric = &metrics[index].metric,
		.each = each,
		.userdata = userdata,
	};

	return metrics[index].of_link ? each_link(&reader, metrics[index].of_link)
				      : metrics[index].of_all(&reader);
}
