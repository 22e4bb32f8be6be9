/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * DTLS: keys, certificates, names. Between the parts of the transport; nobody else includes this.
 */
#include <coap3/coap.h>
#include <gnutls/gnutls.h>

#include "daemon/transport.h"

/**
 * struct sb_dtls - whom we expect at the other end; embedded in the session
 * @name: which its certificate must hold: of the host, or its numeric address; owned
 * @numeric: @name is an address, and nothing for SNI (RFC 6066 section 3)
 * @trust: PEM, roots beside the system's; owned; may be NULL
 */
struct sb_dtls {
	char *name;
	bool numeric;
	uint8_t *trust;
	size_t trust_len;
};

int sb_dtls_init(struct sb_dtls *dtls, const struct sb_peer *peer);
void sb_dtls_done(struct sb_dtls *dtls);
void sb_dtls_wipe(const coap_session_t *coap);
coap_session_t *sb_dtls_connect(const struct sb_dtls *dtls, coap_context_t *context,
				const coap_address_t *address, const struct sb_peer *peer);
gnutls_session_t sb_dtls_gnutls(const coap_session_t *coap);
