/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/accounts.h"
#include "daemon/message.h"
#include "daemon/settings.h"

#define NAME_SIZE 24

/** struct account - what one user has waiting; there is none for a user that has nothing */
struct account {
	uint32_t owner;
	uint64_t messages;
	uint64_t bytes;
};

static int compare_accounts(const void *a, const void *b)
{
	const struct account *left = a;
	const struct account *right = b;

	return (left->owner > right->owner) - (left->owner < right->owner);
}

static struct account *find(const struct sb_accounts *accounts, uint32_t owner)
{
	const struct account key = { .owner = owner };
	void *found = tfind(&key, &accounts->by_owner, compare_accounts);

	return found ? *(struct account **)found : NULL;
}

/**
 * sb_account_limits_of() - the limits as configured
 * @callers: the section "callers:"
 *
 * Return: the limits.
 */
struct sb_account_limits sb_account_limits_of(const struct sb_settings *callers)
{
	return (struct sb_account_limits){
		.messages = (uint64_t)sb_settings_integer(callers, "stored_messages"),
		.bytes = (uint64_t)sb_settings_integer(callers, "stored_bytes"),
	};
}

/**
 * sb_accounts_init() - nobody has anything
 * @accounts: to be undone with sb_accounts_done()
 * @limits: copied
 */
void sb_accounts_init(struct sb_accounts *accounts, const struct sb_account_limits *limits)
{
	*accounts = (struct sb_accounts){ .limits = *limits };
}

/**
 * sb_accounts_done() - forget all accounts
 * @accounts: empty afterwards
 */
void sb_accounts_done(struct sb_accounts *accounts)
{
	tdestroy(accounts->by_owner, free);
	accounts->by_owner = NULL;
}

static const char *name(uint32_t owner, char text[NAME_SIZE])
{
	if (owner == SB_NO_OWNER)
		return "nobody (whose name the bus did not know, or who hung up at once)";
	(void)snprintf(text, NAME_SIZE, "the user %" PRIu32, owner);

	return text;
}

/**
 * sb_accounts_check() - may a user have one more message waiting
 * @accounts: the accounts
 * @owner: the user, a uid; what is nobody's, SB_NO_OWNER, is in one account, too
 * @size: of the message, bytes
 * @ret_error: why not, if so
 *
 * Return: 0, or -ENOBUFS.
 */
int sb_accounts_check(const struct sb_accounts *accounts, uint32_t owner, size_t size,
		      struct sb_error *ret_error)
{
	const struct sb_account_limits *limits = &accounts->limits;
	const struct account *account = find(accounts, owner);
	uint64_t messages = account ? account->messages : 0;
	uint64_t bytes = account ? account->bytes : 0;
	char text[NAME_SIZE];

	if (messages >= limits->messages)
		return sb_error_set(ret_error, SB_ERROR_QUEUE_FULL,
				    "%s has %" PRIu64
				    " messages waiting, and stored_messages is %" PRIu64
				    ": publish again when some have been delivered, or raise "
				    "stored_messages",
				    name(owner, text), messages, limits->messages);
	if (size > limits->bytes || bytes > limits->bytes - size)
		return sb_error_set(
			ret_error, SB_ERROR_QUEUE_FULL,
			"%s has %" PRIu64
			" bytes waiting, the message has %zu, and stored_bytes is %" PRIu64
			": publish again when some have been delivered, or raise "
			"stored_bytes",
			name(owner, text), bytes, size, limits->bytes);

	return 0;
}

/**
 * sb_accounts_ample() - has a user at most half of what may wait
 * @accounts: the accounts
 * @owner: the user, or SB_NO_OWNER
 *
 * Return: whether that is so.
 */
bool sb_accounts_ample(const struct sb_accounts *accounts, uint32_t owner)
{
	const struct sb_account_limits *limits = &accounts->limits;
	const struct account *account = find(accounts, owner);

	return !account ||
	       (account->messages <= limits->messages / 2 && account->bytes <= limits->bytes / 2);
}

/**
 * sb_accounts_add() - a user has more waiting
 * @accounts: the accounts
 * @owner: the user
 * @messages: so many, also beyond the bounds
 * @bytes: of all of them
 *
 * Return: 0, or -ENOMEM and nothing has changed.
 */
int sb_accounts_add(struct sb_accounts *accounts, uint32_t owner, uint64_t messages, uint64_t bytes)
{
	struct account *account = find(accounts, owner);

	if (!account && messages > 0) {
		account = calloc(1, sizeof(*account));
		if (!account)
			return -ENOMEM;
		account->owner = owner;
		if (!tsearch(account, &accounts->by_owner, compare_accounts)) {
			free(account);
			return -ENOMEM;
		}
	}
	if (account) {
		account->messages += messages;
		account->bytes += bytes;
	}

	return 0;
}

/**
 * sb_accounts_subtract() - a message of a user waits no more
 * @accounts: the accounts
 * @owner: the user
 * @size: of the message, bytes
 */
void sb_accounts_subtract(struct sb_accounts *accounts, uint32_t owner, size_t size)
{
	struct account *account = find(accounts, owner);

	if (!account)
		return;

	account->messages--;
	account->bytes -= size < account->bytes ? size : account->bytes;
	if (account->messages > 0)
		return;
	(void)tdelete(account, &accounts->by_owner, compare_accounts);
	free(account);
}
