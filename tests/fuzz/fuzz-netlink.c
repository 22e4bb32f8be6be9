/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells of the network, as it would come from one that has gone mad. */
#include <string.h>

#include "daemon/netwatch-message.h"
#include "tests/fuzz/input.h"

#define MESSAGES_MAX 16

void fuzz_target(struct fuzz_input *in)
{
	struct sb_facts facts = { 0 };
	_Alignas(struct nlmsghdr) uint8_t message[4096];

	for (unsigned int i = 0; i < MESSAGES_MAX && in->left > 0; i++) {
		size_t len;
		const uint8_t *bytes = fuzz_bytes(in, &len);
		struct nlmsghdr head;

		if (len < sizeof(head) || len > sizeof(message))
			continue;
		memcpy(message, bytes, len);
		memcpy(&head, message, sizeof(head));
		head.nlmsg_len = (uint32_t)len; /* libmnl looks at that before it hands it on */
		memcpy(message, &head, sizeof(head));
		(void)sb_facts_on_message(&facts, (const struct nlmsghdr *)message);
	}
}
