/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/bus.h"

static const struct ctl_command command = { .name = "status" };

static void test_what_errors_mean(void **state)
{
	static const struct {
		const char *name;
		int r;
		enum ctl_exit status;
	} rows[] = {
		{ SD_BUS_ERROR_SERVICE_UNKNOWN, -EHOSTUNREACH, CTL_EXIT_NO_DAEMON },
		{ SD_BUS_ERROR_NO_REPLY, -EIO, CTL_EXIT_NO_DAEMON },
		{ "System.Error.ETIMEDOUT", -ETIMEDOUT, CTL_EXIT_NO_DAEMON },
		{ NULL, -ECONNRESET, CTL_EXIT_NO_DAEMON },
		{ SD_BUS_ERROR_ACCESS_DENIED, -EACCES, CTL_EXIT_NOT_PERMITTED },
		{ SD_BUS_ERROR_UNKNOWN_OBJECT, -EBADR, CTL_EXIT_NOT_FOUND },
		{ CTL_ERROR "NoSuchTicket", -EIO, CTL_EXIT_NOT_FOUND },
		{ CTL_ERROR "Timeout", -EIO, CTL_EXIT_TIMEOUT },
		{ CTL_ERROR "CloudRejected", -EIO, CTL_EXIT_NOT_DELIVERED },
		{ CTL_ERROR "NotOnline", -EIO, CTL_EXIT_NOT_ONLINE },
		{ CTL_ERROR "QueueFull", -EIO, CTL_EXIT_FAILED },
		{ NULL, -EIO, CTL_EXIT_FAILED },
	};
	struct ctl ctl = { .args.command = &command };

	(void)state;
	for (size_t i = 0; i < CTL_ELEMENTS(rows); i++) {
		sd_bus_error error = { .name = rows[i].name, .message = "a sentence" };

		assert_int_equal(ctl_bus_fail(&ctl, &error, rows[i].r), rows[i].status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_errors_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
