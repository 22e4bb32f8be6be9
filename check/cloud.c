/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/cloud.h"
#include "sim/script.h"

#define OK SKYBUS_CODE(2, 4)

struct check_cloud {
	struct sim_script *script; /* NULL: nobody says what is answered */
	struct skybus_option options[SIM_SCRIPT_OPTIONS];
	char body[SIM_SCRIPT_PAYLOAD_MAX + 1];
};

/**
 * check_cloud_new() - a cloud
 * @file: its script; NULL for none
 * @problems: gets what is wrong with it
 * @ret: the cloud, the caller's
 *
 * Return: 0; a negative errno: @problems says why; -ENOMEM.
 */
int check_cloud_new(const char *file, struct sb_problems *problems, struct check_cloud **ret)
{
	struct check_cloud *cloud = calloc(1, sizeof(*cloud));
	int r = 0;

	if (!cloud)
		return -ENOMEM;
	if (file)
		r = sim_script_read(file, problems, &cloud->script);
	if (r < 0)
		cloud = check_cloud_free(cloud);
	else
		*ret = cloud;

	return r;
}

/**
 * check_cloud_free() - free it
 * @cloud: may be NULL
 *
 * Return: NULL.
 */
struct check_cloud *check_cloud_free(struct check_cloud *cloud)
{
	if (cloud)
		(void)sim_script_free(cloud->script);
	free(cloud);

	return NULL;
}

/**
 * check_cloud_given() - does a script say what it answers?
 * @cloud: the cloud
 *
 * Return: whether it does.
 */
bool check_cloud_given(const struct check_cloud *cloud)
{
	return cloud->script;
}

/**
 * check_cloud_begin() - a new case: forget what was answered
 * @cloud: the cloud
 */
void check_cloud_begin(struct check_cloud *cloud)
{
	if (cloud->script)
		sim_script_rewind(cloud->script);
}

static void translate(struct check_cloud *cloud, const struct sim_script_reply *said,
		      struct skybus_reply *ret)
{
	*ret = scripted_reply(said->code, said->payload, (uint32_t)said->payload_len);
	if (said->silent)
		ret->outcome = SKYBUS_TIMEOUT;
	ret->content_format = said->content_format;
	ret->max_age = said->max_age;
	for (size_t i = 0; i < said->n_options; i++)
		cloud->options[i] = (struct skybus_option){ .number = said->options[i].number,
							    .len = (uint32_t)said->options[i].len,
							    .value = said->options[i].value };
	ret->options = cloud->options;
	ret->n_options = (uint32_t)said->n_options;
}

/**
 * check_cloud_reply() - what is answered to a request
 * @cloud: the cloud
 * @request: sent
 * @ret: the reply, without the options that it has fields for; lent until the next question
 */
void check_cloud_reply(struct check_cloud *cloud, const struct skybus_request *request,
		       struct skybus_reply *ret)
{
	const struct sim_script_request asked = {
		.method = request->method,
		.path = request->segments[0] ? request->segments : "/",
		.query = request->query,
		.payload = request->payload,
		.payload_len = request->payload_len,
	};
	struct sim_script_reply said;

	if (!cloud->script) {
		*ret = scripted_reply(OK, NULL, 0);
		return;
	}
	(void)sim_script_answer(cloud->script, &asked, &said);
	translate(cloud, &said, ret);
}

/**
 * check_cloud_fetch() - what is answered to an HTTPS GET: what the script answers to a GET of the same path
 * @cloud: the cloud
 * @url: "https://host/path?query"
 * @ret_status: HTTP's
 *
 * Return: the body, lent until the next question.
 */
const char *check_cloud_fetch(struct check_cloud *cloud, const char *url, uint32_t *ret_status)
{
	const char *host = url + strlen("https://");
	size_t path = strcspn(host, "/");
	size_t len = strcspn(host + path, "?");
	struct skybus_request request = { .method = SKYBUS_GET };
	struct skybus_reply reply;

	(void)stpncpy(request.segments, host + path,
		      len < sizeof(request.segments) ? len : sizeof(request.segments) - 1);
	if (host[path + len] == '?')
		(void)stpncpy(request.query, host + path + len + 1, sizeof(request.query) - 1);
	check_cloud_reply(cloud, &request, &reply);
	*ret_status = SKYBUS_CODE_CLASS(reply.code) == 2
			      ? 200
			      : SKYBUS_CODE_CLASS(reply.code) * 100 + (reply.code & 31);
	if (reply.outcome != SKYBUS_ANSWERED)
		*ret_status = 0;
	memcpy(cloud->body, reply.payload_len > 0 ? (const char *)reply.payload : "",
	       reply.payload_len);
	cloud->body[reply.payload_len] = '\0';

	return cloud->body;
}

/**
 * check_cloud_open() - how the opening of a session ends
 * @cloud: the cloud
 * @session: what was asked for
 *
 * Return: 0; -EKEYREJECTED: the script has another key for this identity.
 */
int32_t check_cloud_open(struct check_cloud *cloud, const struct scripted_session *session)
{
	char identity[SCRIPTED_PSK_MAX + 1] = "";
	const uint8_t *key;
	size_t len;

	if (!cloud->script || session->security != SKYBUS_PSK)
		return 0;
	memcpy(identity, session->identity, session->identity_len);
	key = sim_script_key(cloud->script, identity, &len);
	if (!key || (len == session->key_len && memcmp(key, session->key, len) == 0))
		return 0;

	return -EKEYREJECTED;
}
