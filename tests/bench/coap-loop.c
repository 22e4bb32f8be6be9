/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the library alone costs: a bare libcoap client that sends confirmable POSTs to one URL, so
 * many at a time, and does nothing else. Prints messages a second, CPU microseconds a message (user
 * and system, after the handshake and a warm-up), the code that the last one was answered with, and the µs
 * from a request to its answer: the median, and what 99 in a hundred keep below. Where the payload has
 * LOAD_MARK in it, the messages are numbered from 0 on, those of the warm-up too.
 *
 * It does not log in, so a door may refuse what it sends; the code tells.
 */
#include <arpa/inet.h>
#include <coap3/coap.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/cleanup.h"
#include "tests/bench/load.h"

#define WARM_UP 500
#define WINDOW_MAX 64
#define PATIENCE_MS 10000
#define PATH_SIZE 512
#define KEY_MAX 64

static inline void context_free_cleanup(coap_context_t **context)
{
	if (*context)
		coap_free_context(*context);
}

/** struct loop - how far it has come; the context's application data */
struct loop {
	coap_session_t *session;
	coap_optlist_t *options; /* path and query of each request */
	char *payload;
	char *mark;
	double begun[WINDOW_MAX]; /* by number, modulo; those in flight */
	struct load_times times;
	size_t wanted;
	size_t sent;
	size_t answered;
	bool failed;
	coap_pdu_code_t code;
};

/* ---- sending ---- */

/* The token is the message's number, so an answer tells how long it took. */
static int send_one(struct loop *loop)
{
	coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, COAP_REQUEST_CODE_POST, loop->session);
	uint32_t number = (uint32_t)loop->sent;

	if (!pdu)
		return -ENOMEM;
	load_number(loop->mark, number);
	if (!coap_add_token(pdu, sizeof(number), (const uint8_t *)&number) ||
	    !coap_add_optlist_pdu(pdu, &loop->options) ||
	    !coap_add_data(pdu, strlen(loop->payload), (const uint8_t *)loop->payload)) {
		coap_delete_pdu(pdu);
		return -EMSGSIZE;
	}
	loop->begun[number % WINDOW_MAX] = load_now();
	if (coap_send(loop->session, pdu) == COAP_INVALID_MID)
		return -EIO;
	loop->sent++;

	return 0;
}

static coap_response_t on_answer(coap_session_t *session, const coap_pdu_t *sent,
				 const coap_pdu_t *received, coap_mid_t mid)
{
	struct loop *loop = coap_get_app_data(coap_session_get_context(session));
	coap_bin_const_t token = coap_pdu_get_token(received);
	uint32_t number = 0;

	(void)sent;
	(void)mid;
	if (token.length != sizeof(number))
		return COAP_RESPONSE_FAIL;
	memcpy(&number, token.s, sizeof(number));
	load_times_add(&loop->times, load_now() - loop->begun[number % WINDOW_MAX]);
	loop->answered++;
	loop->code = coap_pdu_get_code(received);
	if (loop->sent < loop->wanted && send_one(loop) < 0)
		loop->failed = true;

	return COAP_RESPONSE_OK;
}

static void on_failure(coap_session_t *session, const coap_pdu_t *sent, coap_nack_reason_t reason,
		       coap_mid_t mid)
{
	struct loop *loop = coap_get_app_data(coap_session_get_context(session));

	(void)sent;
	(void)reason;
	(void)mid;
	loop->failed = true;
}

/* Sends n more, and returns when all are answered. */
static int exchange(struct loop *loop, coap_context_t *context, size_t n, unsigned int window)
{
	loop->wanted += n;
	for (unsigned int i = 0; i < window && loop->sent < loop->wanted; i++)
		if (send_one(loop) < 0)
			return -EIO;
	while (loop->answered < loop->wanted && !loop->failed)
		if (coap_io_process(context, PATIENCE_MS) < 0)
			return -EIO;

	return loop->failed ? -EIO : 0;
}

/* ---- the session ---- */

static int options_of(const coap_uri_t *uri, coap_optlist_t **options)
{
	uint8_t buffer[PATH_SIZE];
	size_t size = sizeof(buffer);
	const uint8_t *option = buffer;
	int n = coap_split_path(uri->path.s, uri->path.length, buffer, &size);

	for (; n > 0; n--, option += coap_opt_size(option))
		if (!coap_insert_optlist(options, coap_new_optlist(COAP_OPTION_URI_PATH,
								   coap_opt_length(option),
								   coap_opt_value(option))))
			return -ENOMEM;
	if (n == 0 && uri->query.length > 0 &&
	    !coap_insert_optlist(options, coap_new_optlist(COAP_OPTION_URI_QUERY, uri->query.length,
							   uri->query.s)))
		return -ENOMEM;

	return n;
}

static int address_of(const coap_uri_t *uri, coap_address_t *ret)
{
	char host[INET_ADDRSTRLEN];

	coap_address_init(ret);
	ret->size = sizeof(ret->addr.sin);
	ret->addr.sin.sin_family = AF_INET;
	ret->addr.sin.sin_port = htons(uri->port);
	(void)snprintf(host, sizeof(host), "%.*s", (int)uri->host.length,
		       (const char *)uri->host.s);

	return inet_pton(AF_INET, host, &ret->addr.sin.sin_addr) == 1 ? 0 : -EINVAL;
}

static size_t read_hex(const char *hex, uint8_t ret_bytes[KEY_MAX])
{
	size_t n = 0;

	while (n < KEY_MAX && n < strlen(hex) / 2 &&
	       sscanf(hex + 2 * n, "%2hhx", &ret_bytes[n]) == 1)
		n++;

	return n;
}

/* With identity and key by these; else DTLS trusts whatever certificate the server shows. */
static coap_session_t *open_session(coap_context_t *context, const coap_uri_t *uri, char **psk)
{
	coap_dtls_pki_t pki = { .version = COAP_DTLS_PKI_SETUP_VERSION };
	coap_dtls_cpsk_t cpsk = { .version = COAP_DTLS_CPSK_SETUP_VERSION };
	uint8_t key[KEY_MAX]; /* copied, as is the identity */
	coap_address_t server;

	if (address_of(uri, &server) < 0)
		return NULL;
	if (uri->scheme == COAP_URI_SCHEME_COAP)
		return coap_new_client_session(context, NULL, &server, COAP_PROTO_UDP);
	if (!psk)
		return coap_new_client_session_pki(context, NULL, &server, COAP_PROTO_DTLS, &pki);

	cpsk.psk_info.identity = (coap_bin_const_t){ strlen(psk[0]), (const uint8_t *)psk[0] };
	cpsk.psk_info.key = (coap_bin_const_t){ read_hex(psk[1], key), key };

	return coap_new_client_session_psk2(context, NULL, &server, COAP_PROTO_DTLS, &cpsk);
}

/* ---- measuring ---- */

static double cpu_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);

	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int measure(struct loop *loop, coap_context_t *context, size_t n, unsigned int window)
{
	double begun, cpu;
	int r;

	r = exchange(loop, context, WARM_UP, window);
	if (r < 0)
		return r;
	loop->times.n = 0;
	begun = load_now();
	cpu = cpu_us();
	r = exchange(loop, context, n, window);
	if (r < 0)
		return r;
	cpu = cpu_us() - cpu;
	(void)printf("%.1f %.3f %u.%02u %.1f %.1f\n", (double)n * 1e6 / (load_now() - begun),
		     cpu / (double)n, (unsigned int)loop->code >> 5, (unsigned int)loop->code & 31,
		     load_percentile(&loop->times, 50), load_percentile(&loop->times, 99));

	return 0;
}

static int run(const coap_uri_t *uri, struct loop *loop, size_t n, unsigned int window, char **psk)
{
	__attribute__((cleanup(context_free_cleanup))) coap_context_t *context =
		coap_new_context(NULL);

	if (!context)
		return -ENOMEM;
	coap_set_app_data(context, loop);
	coap_register_response_handler(context, on_answer);
	coap_register_nack_handler(context, on_failure);
	loop->session = open_session(context, uri, psk);
	if (!loop->session || options_of(uri, &loop->options) < 0)
		return -EINVAL;
	coap_session_set_nstart(loop->session, (uint16_t)window);

	return measure(loop, context, n, window);
}

int main(int argc, char **argv)
{
	size_t n = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	unsigned long window = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
	struct loop loop = { .payload = argc > 2 ? argv[2] : NULL };
	coap_uri_t uri;
	int r;

	if ((argc != 5 && argc != 7) || n == 0 || n > LOAD_MESSAGES_MAX || window == 0 ||
	    window > WINDOW_MAX ||
	    coap_split_uri((const uint8_t *)argv[1], strlen(argv[1]), &uri) < 0) {
		(void)fprintf(stderr,
			      "usage: coap-loop URL PAYLOAD MESSAGES WINDOW [IDENTITY HEX-KEY]\n");
		return EXIT_FAILURE;
	}
	loop.mark = load_find_mark(loop.payload);
	coap_startup();
	r = load_times_init(&loop.times, n + WARM_UP);
	if (r >= 0)
		r = run(&uri, &loop, n, (unsigned int)window, argc == 7 ? argv + 5 : NULL);
	load_times_done(&loop.times);
	coap_delete_optlist(loop.options);
	coap_cleanup();
	if (r < 0)
		(void)fprintf(stderr, "coap-loop: %s: %s after %zu answers\n", argv[1],
			      strerror(-r), loop.answered);

	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
