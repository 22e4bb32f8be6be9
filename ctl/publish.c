/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to the clouds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/links.h"
#include "ctl/number.h"
#include "ctl/output.h"
#include "ctl/publishing.h"
#include "ctl/run.h"
#include "ctl/text.h"

static enum ctl_exit publish(struct ctl *ctl, struct ctl_publishing *publishing)
{
	enum ctl_exit status;

	publishing->wait = ctl_option(ctl, "wait") != NULL;
	publishing->wait_usec = UINT64_MAX;
	status = ctl_span_option(ctl, "wait", &publishing->wait_usec);
	if (status == CTL_EXIT_OK && ctl_option(ctl, "link"))
		status = ctl_link_path(ctl_option(ctl, "link"), &publishing->path);
	if (status == CTL_EXIT_OK)
		status = ctl_source_init(&publishing->source, ctl, ctl_word(ctl, 1));

	return status == CTL_EXIT_OK ? ctl_publishing_run(publishing) : status;
}

static void print_summary(const struct ctl_publishing *publishing)
{
	if (publishing->ctl->json || !publishing->source.lines || !publishing->wait)
		return;
	(void)printf("%ju lines: %ju taken, %ju delivered, %ju ended otherwise\n",
		     (uintmax_t)publishing->lines, (uintmax_t)publishing->taken,
		     (uintmax_t)publishing->delivered, (uintmax_t)publishing->undelivered);
}

/** ctl_run_publish() - "publish TOPIC [TEXT]" */
enum ctl_exit ctl_run_publish(struct ctl *ctl)
{
	struct ctl_publishing publishing = { .ctl = ctl,
					     .topic = ctl_word(ctl, 0),
					     .source.fd = -1 };
	enum ctl_exit status = publish(ctl, &publishing);

	if (publishing.lines > 0 || status == CTL_EXIT_OK)
		print_summary(&publishing);
	ctl_source_done(&publishing.source);
	free(publishing.path);

	return status;
}

/* ---- a request --------------------------------------------------------------------------------- */

/* As it is, since it may go into a file; a terminal gets it as text, and in a line of its own. */
static enum ctl_exit print_payload(const void *bytes, size_t size)
{
	CTL_CLEANUP(json_decref) json_t *payload = NULL;
	CTL_CLEANUP(free) char *text = NULL;

	if (!isatty(STDOUT_FILENO)) {
		(void)fwrite(bytes, 1, size, stdout);
		return CTL_EXIT_OK;
	}
	if (size == 0)
		return CTL_EXIT_OK;
	if (ctl_body_payload(bytes, size, &payload) < 0)
		return ctl_no_memory();
	text = json_is_string(payload) ? ctl_text_safe_lines(json_string_value(payload))
				       : ctl_text_of(payload, CTL_TEXT, 0);
	if (!text)
		return ctl_no_memory();
	(void)puts(text);

	return CTL_EXIT_OK;
}

static enum ctl_exit print_json(const char *code, const void *bytes, size_t size)
{
	CTL_CLEANUP(json_decref) json_t *payload = NULL, *answer = NULL;

	if (ctl_body_payload(bytes, size, &payload) < 0)
		return ctl_no_memory();
	answer = json_pack("{s:s, s:O}", "code", code, "payload", payload);

	return answer ? ctl_print_json(answer, false) : ctl_no_memory();
}

static enum ctl_exit print_answer(const struct ctl *ctl, sd_bus_message *reply)
{
	enum ctl_exit status;
	const char *code;
	const void *bytes;
	size_t size;
	int r;

	r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_STRING, &code);
	if (r >= 0)
		r = sd_bus_message_read_array(reply, 'y', &bytes, &size);
	if (r < 0)
		return ctl_no_reply(r);

	if (ctl->json) {
		status = print_json(code, bytes, size);
	} else {
		status = print_payload(bytes, size);
		(void)fflush(stdout);
		(void)fprintf(stderr, "%s\n", code);
	}
	if (status != CTL_EXIT_OK)
		return status;

	return code[0] == '2' ? CTL_EXIT_OK : CTL_EXIT_NOT_DELIVERED;
}

/* Asks, and waits as long as the daemon does. */
static enum ctl_exit request(struct ctl *ctl, const char *path, const char *text, uint64_t usec)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	enum ctl_exit status = ctl_bus_open(ctl);

	if (status != CTL_EXIT_OK)
		return status;
	ctl_patience(ctl, usec + 10 * CTL_USEC_PER_SEC);
	status = ctl_call(ctl, path, CTL_LINK, "Request", &reply, "ssu", ctl_word(ctl, 0), text,
			  (uint32_t)((usec + CTL_USEC_PER_SEC - 1) / CTL_USEC_PER_SEC));

	return status == CTL_EXIT_OK ? print_answer(ctl, reply) : status;
}

static enum ctl_exit read_text(struct ctl *ctl, struct ctl_source *source, char **ret)
{
	CTL_CLEANUP(free) char *bytes = NULL;
	enum ctl_exit status;
	size_t size = 0;

	status = ctl_source_init(
		source, ctl, ctl_word(ctl, 1) || ctl_option(ctl, "file") ? ctl_word(ctl, 1) : "");
	while (status == CTL_EXIT_OK && !bytes) {
		status = ctl_source_next(source, (void **)&bytes, &size);
		if (status == CTL_EXIT_OK && !bytes)
			status = ctl_source_fill(source);
	}
	if (status != CTL_EXIT_OK)
		return status;
	if (memchr(bytes, 0, size))
		return ctl_fail(CTL_EXIT_USAGE, "a request carries text, without zero bytes.");
	*ret = strndup(bytes, size);

	return *ret ? CTL_EXIT_OK : ctl_no_memory();
}

/** ctl_run_request() - "request TOPIC [TEXT]" */
enum ctl_exit ctl_run_request(struct ctl *ctl)
{
	CTL_CLEANUP(free) char *link = NULL, *path = NULL, *text = NULL;
	struct ctl_source source = { .fd = -1 };
	uint64_t usec = 30 * CTL_USEC_PER_SEC;
	enum ctl_exit status;

	status = ctl_span_option(ctl, "timeout", &usec);
	if (status == CTL_EXIT_OK)
		status = read_text(ctl, &source, &text);
	if (status == CTL_EXIT_OK)
		status = ctl_link_only(ctl, ctl_option(ctl, "link"), &link);
	if (status == CTL_EXIT_OK)
		status = ctl_link_path(link, &path);
	if (status == CTL_EXIT_OK)
		status = request(ctl, path, text, usec);
	ctl_source_done(&source);

	return status;
}
