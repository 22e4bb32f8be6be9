/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/changes.h"
#include "daemon/cleanup.h"
#include "daemon/clock.h"
#include "tests/dbus/fake-gateway.h"

struct sb_gateway *fake_gateway_new(struct sb_loop *loop)
{
	struct sb_gateway *gateway = calloc(1, sizeof(*gateway));

	if (!gateway || sb_hub_new(&gateway->hub) < 0)
		abort();
	gateway->loop = loop;
	sb_streams_init(&gateway->streams, loop, gateway->hub);

	return gateway;
}

static void link_free(struct sb_link *link)
{
	size_t i;

	for (i = 0; i < link->n_jobs; i++)
		(void)sb_message_free(link->jobs[i].message);
	free(link);
}

struct sb_gateway *fake_gateway_free(struct sb_gateway *gateway)
{
	if (!gateway)
		return NULL;

	sb_streams_done(&gateway->streams);
	for (size_t i = 0; i < gateway->n_jobs; i++)
		(void)sb_message_free(gateway->jobs[i].message);
	while (gateway->n_links > 0)
		link_free(gateway->links[--gateway->n_links]);
	(void)sb_hub_free(gateway->hub);
	free(gateway);

	return NULL;
}

static struct sb_link *link_new(struct sb_gateway *gateway, const char *name)
{
	struct sb_link *link = calloc(1, sizeof(*link));

	if (!link)
		abort();
	link->gateway = gateway;
	(void)snprintf(link->name, sizeof(link->name), "%s", name);
	link->status = (struct sb_link_status){
		.name = link->name,
		.plugin = "enos",
		.device = "",
		.state = SB_LINK_STARTING,
		.state_word = "starting",
		.state_reason = "",
		.last_error = "",
	};

	return link;
}

struct sb_link *fake_link_add(struct sb_gateway *gateway, const char *name)
{
	struct sb_link *link = link_new(gateway, name);

	if (gateway->n_links == FAKE_LINKS_MAX)
		abort();
	gateway->links[gateway->n_links++] = link;
	if (gateway->listener.link_added)
		gateway->listener.link_added(gateway->listener.userdata, link);

	return link;
}

/* By another one of its name, with the plugin aliyun. */
struct sb_link *fake_link_replace(struct sb_link *link)
{
	struct sb_gateway *gateway = link->gateway;
	struct sb_link *other = link_new(gateway, link->name);
	size_t i = 0;

	other->status.plugin = "aliyun";
	while (gateway->links[i] != link)
		i++;
	gateway->links[i] = other;
	gateway->listener.link_replaced(gateway->listener.userdata, link, other);
	link_free(link);

	return other;
}

void fake_link_remove(struct sb_link *link)
{
	struct sb_gateway *gateway = link->gateway;
	size_t i = 0;

	sb_streams_link_gone(&gateway->streams, link);
	if (gateway->listener.link_removed)
		gateway->listener.link_removed(gateway->listener.userdata, link);
	while (gateway->links[i] != link)
		i++;
	gateway->links[i] = gateway->links[--gateway->n_links];
	link_free(link);
}

void fake_link_change(struct sb_link *link, uint32_t what)
{
	struct sb_gateway *gateway = link->gateway;

	gateway->listener.link_changed(gateway->listener.userdata, link, what);
}

static void push(struct fake_job *jobs, size_t *n_jobs, const struct fake_job *job)
{
	if (*n_jobs == FAKE_JOBS_MAX)
		abort();
	jobs[(*n_jobs)++] = *job;
}

static struct fake_job take(struct fake_job *jobs, size_t *n_jobs)
{
	struct fake_job first;

	assert(*n_jobs > 0);
	first = jobs[0];
	memmove(jobs, jobs + 1, --(*n_jobs) * sizeof(*jobs));

	return first;
}

struct fake_job fake_gateway_take_job(struct sb_gateway *gateway)
{
	return take(gateway->jobs, &gateway->n_jobs);
}

/* The oldest job; its message is the caller's. */
struct fake_job fake_link_take_job(struct sb_link *link)
{
	return take(link->jobs, &link->n_jobs);
}

struct fake_job fake_outbox_take_job(struct sb_gateway *gateway)
{
	return take(gateway->outbox.jobs, &gateway->outbox.n_jobs);
}

void fake_settle(struct sb_gateway *gateway, const struct sb_settled *settled)
{
	(void)sb_streams_settled(&gateway->streams, settled);
	gateway->listener.settled(gateway->listener.userdata, settled);
}

/* ---- what dbus/ calls ------------------------------------------------------------------------ */

void sb_gateway_listen(struct sb_gateway *gateway, struct sb_gateway_listener *listener)
{
	gateway->listener = *listener;
}

void sb_gateway_unlisten(struct sb_gateway *gateway, struct sb_gateway_listener *listener)
{
	(void)listener;
	gateway->listener = (struct sb_gateway_listener){ 0 };
}

/* Its routes lead every topic, as it is, to the link plant. */
int sb_gateway_publish(struct sb_gateway *gateway, struct sb_message *message,
		       const struct sb_route_guard *guard, sb_published_all_fn *done,
		       void *userdata, struct sb_error *ret_error)
{
	const struct fake_job job = {
		.message = message,
		.all_published = done,
		.userdata = userdata,
	};

	int r;

	if (gateway->refusal)
		return sb_error_set(ret_error, SB_ERROR_NO_ROUTE, "%s", gateway->refusal);
	r = guard->permit(guard->userdata, "plant", message->topic, ret_error);
	if (r < 0)
		return r;
	push(gateway->jobs, &gateway->n_jobs, &job);

	return 0;
}

size_t sb_gateway_n_links(const struct sb_gateway *gateway)
{
	return gateway->n_links;
}

struct sb_link *sb_gateway_link(const struct sb_gateway *gateway, size_t index)
{
	return gateway->links[index];
}

struct sb_plugins *sb_gateway_plugins(const struct sb_gateway *gateway)
{
	return (struct sb_plugins *)&gateway->plugins;
}

struct sb_loop *sb_gateway_loop(const struct sb_gateway *gateway)
{
	return gateway->loop;
}

struct sb_outbox *sb_gateway_outbox(const struct sb_gateway *gateway)
{
	return (struct sb_outbox *)&gateway->outbox;
}

struct sb_hub *sb_gateway_hub(const struct sb_gateway *gateway)
{
	return gateway->hub;
}

struct sb_streams *sb_gateway_streams(struct sb_gateway *gateway)
{
	return &gateway->streams;
}

struct sb_inboxes *sb_gateway_inboxes(const struct sb_gateway *gateway)
{
	return (struct sb_inboxes *)&gateway->inboxes;
}

size_t sb_plugins_count(const struct sb_plugins *plugins)
{
	return plugins->n;
}

const struct sb_plugin *sb_plugins_at(const struct sb_plugins *plugins, size_t index)
{
	return &plugins->all[index];
}

/* The second one is in quarantine. */
int sb_plugins_lift(struct sb_plugins *plugins, const char *name, struct sb_error *ret_error)
{
	if (plugins->n > 1 && strcmp(name, plugins->all[1].name) == 0)
		return 0;

	return sb_error_set(ret_error, SB_ERROR_UNSUPPORTED, "%s is not in quarantine", name);
}

/* The outbox stands for the store. */
struct sb_store *sb_gateway_store(const struct sb_gateway *gateway)
{
	return (struct sb_store *)(void *)sb_gateway_outbox(gateway);
}

void sb_store_report(struct sb_store *store, struct sb_store_report *ret)
{
	*ret = ((struct sb_outbox *)(void *)store)->report;
}

/* In the place of these, so that the real ones are not asked for a thread. */
uint64_t sb_store_commits(struct sb_store *store)
{
	(void)store;

	return FAKE_STORE_COMMITS;
}

uint64_t sb_store_bytes(struct sb_store *store)
{
	(void)store;

	return FAKE_STORE_BYTES;
}

const struct sb_clock *sb_gateway_clock(const struct sb_gateway *gateway)
{
	return &gateway->clock;
}

int64_t sb_clock_wall_ms(const struct sb_clock *clock, struct sb_moment moment)
{
	return clock->offset_ms > 0 ? clock->offset_ms + moment.ms : 0;
}

static int ask(struct sb_outbox *outbox, const struct fake_job *job)
{
	if (outbox->failure < 0)
		return outbox->failure;
	push(outbox->jobs, &outbox->n_jobs, job);

	return 0;
}

int sb_outbox_lookup(struct sb_outbox *outbox, uint64_t ticket, sb_lookup_fn *done, void *userdata)
{
	return ask(outbox,
		   &(struct fake_job){ .looked_up = done, .userdata = userdata, .ticket = ticket });
}

int sb_outbox_cancel(struct sb_outbox *outbox, uint64_t ticket, const uint32_t *owner,
		     sb_cancelled_fn *done, void *userdata)
{
	return ask(outbox, &(struct fake_job){ .cancelled = done,
					       .userdata = userdata,
					       .ticket = ticket,
					       .owner = owner ? *owner : SB_NO_OWNER });
}

int sb_letters_list(struct sb_gateway *gateway, const char *link, uint64_t after_ticket,
		    sb_store_records_fn *done, void *userdata)
{
	struct fake_job job = { .found = done, .userdata = userdata, .ticket = after_ticket };

	(void)snprintf(job.link, sizeof(job.link), "%s", link ? link : "(all)");

	return ask(&gateway->outbox, &job);
}

int sb_letters_read(struct sb_gateway *gateway, uint64_t ticket, sb_store_records_fn *done,
		    void *userdata)
{
	return ask(&gateway->outbox,
		   &(struct fake_job){ .found = done, .userdata = userdata, .ticket = ticket });
}

int sb_letters_requeue(struct sb_gateway *gateway, uint64_t ticket, const char *sender,
		       uint32_t owner, sb_published_fn *done, void *userdata)
{
	struct fake_job job = {
		.published = done, .userdata = userdata, .ticket = ticket, .owner = owner
	};

	(void)snprintf(job.sender, sizeof(job.sender), "%s", sender);

	return ask(&gateway->outbox, &job);
}

int sb_letters_discard(struct sb_gateway *gateway, uint64_t ticket, sb_letter_done_fn *done,
		       void *userdata)
{
	return ask(&gateway->outbox,
		   &(struct fake_job){ .discarded = done, .userdata = userdata, .ticket = ticket });
}

int sb_store_losses(struct sb_store *store, sb_store_losses_fn *done, void *userdata)
{
	return ask((struct sb_outbox *)(void *)store,
		   &(struct fake_job){ .losses = done, .userdata = userdata });
}

const char *sb_link_name(const struct sb_link *link)
{
	return link->name;
}

void sb_link_status(struct sb_link *link, struct sb_link_status *ret)
{
	*ret = link->status;
}

void sb_link_attempt(struct sb_link *link, struct sb_attempt *ret, struct sb_idle *ret_idle)
{
	*ret = link->attempt;
	*ret_idle = link->idle;
}

const char *sb_link_state_word(enum sb_link_state state)
{
	return state == SB_LINK_ONLINE ? "online" : "connecting";
}

static int refuse(const struct sb_link *link, struct sb_error *ret_error)
{
	if (!link->refusal)
		return 0;

	return sb_error_set(ret_error, SB_ERROR_QUEUE_FULL, "%s", link->refusal);
}

int sb_link_publish(struct sb_link *link, struct sb_message *message, sb_published_fn *done,
		    void *userdata, struct sb_error *ret_error)
{
	const struct fake_job job = { .message = message, .published = done, .userdata = userdata };

	if (link->refusal)
		return refuse(link, ret_error);
	push(link->jobs, &link->n_jobs, &job);

	return 0;
}

int sb_link_request(struct sb_link *link, struct sb_message *message, uint64_t timeout_usec,
		    sb_requested_fn *done, void *userdata, struct sb_error *ret_error)
{
	const struct fake_job job = { .message = message,
				      .requested = done,
				      .userdata = userdata,
				      .timeout_usec = timeout_usec };

	if (link->refusal)
		return refuse(link, ret_error);
	push(link->jobs, &link->n_jobs, &job);

	return 0;
}

const char *sb_link_command_topic(struct sb_link *link, uint64_t message)
{
	(void)message;

	return link->command_topic;
}

int sb_link_answer(struct sb_link *link, const struct sb_answer *answer, sb_published_fn *done,
		   void *userdata, struct sb_error *ret_error)
{
	struct fake_job job = { .published = done,
				.userdata = userdata,
				.owner = answer->owner,
				.command = answer->message };

	if (link->refusal)
		return refuse(link, ret_error);
	job.message =
		sb_message_new(answer->code, answer->payload, answer->payload_len, answer->sender);
	if (!job.message)
		abort();
	push(link->jobs, &link->n_jobs, &job);

	return 0;
}

int sb_link_connect(struct sb_link *link, struct sb_error *ret_error)
{
	link->connects++;

	return refuse(link, ret_error);
}

int sb_link_disconnect(struct sb_link *link, struct sb_error *ret_error)
{
	link->disconnects++;

	return refuse(link, ret_error);
}

int sb_link_reauthenticate(struct sb_link *link, struct sb_error *ret_error)
{
	link->reauthentications++;

	return refuse(link, ret_error);
}

const char *sb_plugins_directory(const struct sb_plugins *plugins)
{
	(void)plugins;

	return "/usr/lib/skybus";
}

const char *sb_reload_path(const struct sb_reload *reload)
{
	(void)reload;

	return "/etc/skybus/skybus.yaml";
}

int sb_reload_preview(struct sb_reload *reload, struct sb_changes *changes,
		      struct sb_error *ret_error)
{
	if (reload->refusal)
		return sb_error_set(ret_error, SB_ERROR_INVALID_CONFIGURATION, "%s",
				    reload->refusal);

	return sb_changes_link_removed(changes, "depot", 2);
}

int sb_reload_print(const struct sb_reload *reload, char **ret)
{
	if (!reload->printed)
		return -ENOMEM;
	*ret = strdup(reload->printed);

	return 0;
}

int sb_reload_request(struct sb_reload *reload, sb_reloaded_fn *done, void *userdata)
{
	reload->done = done;
	reload->userdata = userdata;

	return 0;
}
