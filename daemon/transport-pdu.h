/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From a request, which is plain data, to libcoap's PDU, and from a PDU's options to those that plugins read. Between
 * the parts of the transport; nobody else includes this.
 */
#include <coap3/coap.h>

#include "daemon/request.h"
#include "skybus/plugin.h"

#define SB_TOKEN_LEN 4

#define SB_PDU_HEADER_LEN 4 /* RFC 7252 section 3 */

int sb_pdu_fill(coap_pdu_t *pdu, coap_session_t *session, const uint8_t *token,
		const struct sb_request *request, size_t *ret_size);
size_t sb_pdu_size(size_t options_size, size_t payload_len);
size_t sb_pdu_count_options(const coap_pdu_t *pdu);
size_t sb_pdu_read_options(const coap_pdu_t *pdu, struct skybus_option *options,
			   struct skybus_reply *reply);
