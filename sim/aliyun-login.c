/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How a device gets a token, and before that, if it must, its secret. Accept and Content-Format are
 * taken strictly by the login alone. Without Accept the reply is in the format of the request.
 */
#include <errno.h>

#include "sim/aliyun-auth.h"
#include "sim/aliyun-exchange.h"

static bool is_format(int value)
{
	return value == SIM_FORMAT_JSON || value == SIM_FORMAT_CBOR;
}

static void refuse_login(struct sim_aliyun_exchange *exchange, uint8_t code, const char *reason)
{
	sim_aliyun_refuse(exchange, "login-refused", code, reason);
}

static void welcome(struct sim_aliyun_exchange *exchange, enum sim_format format)
{
	const struct sim_aliyun_session *session = exchange->session;
	json_auto_t *root = NULL;

	if (exchange->request->door == SIM_ALIYUN_SYMMETRIC)
		root = json_pack("{s:s, s:i, s:s}", "random", session->random, "seqOffset",
				 SIM_ALIYUN_SEQUENCE_OFFSET, "token", session->token);
	else
		root = json_pack("{s:s}", "token", session->token);
	sim_aliyun_note(exchange, "login", NULL, NULL);
	sim_aliyun_answer(exchange, format, root);
}

/* Whether a signature is right; if not, the request is refused. */
static bool is_genuine(struct sim_aliyun_exchange *exchange, const json_t *fields,
		       const char *secret)
{
	int error = sim_aliyun_verify(fields, secret);

	if (error == -EACCES)
		refuse_login(exchange, SIM_CODE(4, 1), "wrong sign");
	else if (error < 0)
		refuse_login(exchange, SIM_CODE(5, 0), "the sign cannot be checked");

	return error == 0;
}

static struct sim_aliyun_device *device_in(struct sim_aliyun_exchange *exchange,
					   const json_t *fields)
{
	return sim_aliyun_devices_find(&exchange->aliyun->devices,
				       json_string_value(json_object_get(fields, "productKey")),
				       json_string_value(json_object_get(fields, "deviceName")));
}

static void log_in(struct sim_aliyun_exchange *exchange, const json_t *login,
		   enum sim_format format)
{
	struct sim_aliyun *aliyun = exchange->aliyun;
	const struct sim_request *request = exchange->request;

	exchange->device = device_in(exchange, login);
	if (!exchange->device) {
		refuse_login(exchange, SIM_CODE(4, 1), "unknown device");
		return;
	}
	if (sim_aliyun_is_another(exchange)) {
		refuse_login(exchange, SIM_CODE(4, 3), "the handshake was of another device");
		return;
	}
	if (!is_genuine(exchange, login, exchange->device->secret))
		return;
	if (sim_aliyun_login(&aliyun->devices, exchange->device, request->door, request->now) < 0) {
		refuse_login(exchange, SIM_CODE(5, 0), "no session can be made");
		return;
	}
	exchange->session = &exchange->device->sessions[request->door];
	exchange->session->separate = sim_aliyun_wants_separate(login);
	welcome(exchange, format);
}

/**
 * sim_aliyun_serve_login() - answer POST /auth
 * @exchange: the request
 */
void sim_aliyun_serve_login(struct sim_aliyun_exchange *exchange)
{
	const struct sim_request *request = exchange->request;
	int format = sim_aliyun_option(request, SIM_ALIYUN_CONTENT_FORMAT);
	int wanted = sim_aliyun_option(request, SIM_ALIYUN_ACCEPT);
	json_auto_t *login = NULL;
	const char *fault;

	if (!is_format(format)) {
		refuse_login(exchange, SIM_CODE(4, 15), "Content-Format is not JSON or CBOR");
		return;
	}
	if (wanted >= 0 && !is_format(wanted)) {
		refuse_login(exchange, SIM_CODE(4, 6), "Accept is not JSON or CBOR");
		return;
	}
	login = sim_format_read((enum sim_format)format, request->payload, request->payload_len);
	fault = login ? sim_aliyun_login_fault(login) : "not an object in the format it says";
	if (fault)
		refuse_login(exchange, SIM_CODE(4, 0), fault);
	else
		log_in(exchange, login, (enum sim_format)(wanted >= 0 ? wanted : format));
}

static void tell_secret(struct sim_aliyun_exchange *exchange, const json_t *asked)
{
	const char *secret = sim_setup_product_secret(
		exchange->aliyun->setup, json_string_value(json_object_get(asked, "productKey")));
	json_auto_t *root = NULL;

	if (!secret) {
		refuse_login(exchange, SIM_CODE(4, 1), "unknown product");
		return;
	}
	if (!is_genuine(exchange, asked, secret))
		return;
	exchange->device = device_in(exchange, asked);
	if (!exchange->device || sim_aliyun_is_another(exchange)) {
		refuse_login(exchange, SIM_CODE(4, 3),
			     exchange->device ? "the handshake was of another device"
					      : "the product has no such device");
		return;
	}
	root = json_pack("{s:s, s:s, s:s}", "deviceName", exchange->device->id->device_key,
			 "deviceSecret", exchange->device->secret, "productKey",
			 exchange->device->id->product_key);
	sim_aliyun_note(exchange, "onboarding", NULL, NULL);
	sim_aliyun_answer(exchange, sim_aliyun_format(exchange->request, SIM_ALIYUN_ACCEPT), root);
}

/**
 * sim_aliyun_serve_register() - answer POST /auth/register/device
 * @exchange: the request
 */
void sim_aliyun_serve_register(struct sim_aliyun_exchange *exchange)
{
	const struct sim_request *request = exchange->request;
	json_auto_t *asked = NULL;
	const char *fault;

	asked = sim_format_read(sim_aliyun_format(request, SIM_ALIYUN_CONTENT_FORMAT),
				request->payload, request->payload_len);
	fault = asked ? sim_aliyun_register_fault(asked) : "not an object in the format it says";
	if (fault)
		refuse_login(exchange, SIM_CODE(4, 0), fault);
	else
		tell_secret(exchange, asked);
}
