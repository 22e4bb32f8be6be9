/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a caller did wrong, or could not get: a name from a short list and a sentence that says what
 * to do. The bus turns it into io.skybus.Gateway1.Error.<Name>.
 */
#include <errno.h>

/* X(constant, name on the bus, errno) */
#define SB_ERRORS(X)                                                      \
	X(SB_ERROR_FAILED, "Failed", EIO)                                 \
	X(SB_ERROR_NOT_PERMITTED, "NotPermitted", EPERM)                  \
	X(SB_ERROR_INVALID_TOPIC, "InvalidTopic", EINVAL)                 \
	X(SB_ERROR_INVALID_OPTION, "InvalidOption", EINVAL)               \
	X(SB_ERROR_INVALID_CONFIGURATION, "InvalidConfiguration", EINVAL) \
	X(SB_ERROR_TOO_LARGE, "TooLarge", EMSGSIZE)                       \
	X(SB_ERROR_QUEUE_FULL, "QueueFull", ENOBUFS)                      \
	X(SB_ERROR_NO_ROUTE, "NoRoute", EHOSTUNREACH)                     \
	X(SB_ERROR_NO_SUCH_LINK, "NoSuchLink", ENODEV)                    \
	X(SB_ERROR_NO_SUCH_PLUGIN, "NoSuchPlugin", ENOPKG)                \
	X(SB_ERROR_NO_SUCH_TICKET, "NoSuchTicket", ENOENT)                \
	X(SB_ERROR_NO_SUCH_SUBSCRIPTION, "NoSuchSubscription", ESRCH)     \
	X(SB_ERROR_NO_SUCH_MESSAGE, "NoSuchMessage", ENOMSG)              \
	X(SB_ERROR_INVALID_ANSWER, "InvalidAnswer", EBADMSG)              \
	X(SB_ERROR_TOO_LATE, "TooLate", EALREADY)                         \
	X(SB_ERROR_NOT_ONLINE, "NotOnline", ENOTCONN)                     \
	X(SB_ERROR_BUDGET_SPENT, "BudgetSpent", EDQUOT)                   \
	X(SB_ERROR_TIMEOUT, "Timeout", ETIMEDOUT)                         \
	X(SB_ERROR_CLOUD_REJECTED, "CloudRejected", EBADE)                \
	X(SB_ERROR_UNSUPPORTED, "Unsupported", EOPNOTSUPP)                \
	X(SB_ERROR_INVALID_FRAME, "InvalidFrame", EPROTO)

enum sb_error_code {
#define SB_ERROR_CONSTANT(constant, name, number) constant,
	SB_ERRORS(SB_ERROR_CONSTANT)
#undef SB_ERROR_CONSTANT
};

/** struct sb_error - one error on its way to a caller; text is at most one line */
struct sb_error {
	enum sb_error_code code;
	char text[640];
};

const char *sb_error_name(enum sb_error_code code);
int sb_error_set(struct sb_error *error, enum sb_error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
