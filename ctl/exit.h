/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What skybusctl ends with, for scripts. --help and skybusctl(1) have the same rows.
 */
#define CTL_EXIT_TABLE(ROW)                                                                        \
	ROW(OK, 0, "done")                                                                         \
	ROW(FAILED, 1, "it could not be done; standard error says why, and what to do")            \
	ROW(USAGE, 2, "the command line is wrong")                                                 \
	ROW(NO_DAEMON, 3, "skybusd does not answer on the bus")                                    \
	ROW(NOT_FOUND, 4, "there is no such link, ticket, message or plugin")                      \
	ROW(NOT_PERMITTED, 5, "the bus or skybusd does not let this user do it")                   \
	ROW(TIMEOUT, 6, "the time was over first; what was published goes on waiting")             \
	ROW(NOT_DELIVERED, 7, "a message ended otherwise than delivered, or the cloud refused it") \
	ROW(NOT_ONLINE, 8, "the link is not online")                                               \
	ROW(FINDING, 9, "something is wrong, and was found")

enum ctl_exit {
#define ROW(name, number, meaning) CTL_EXIT_##name = (number),
	CTL_EXIT_TABLE(ROW)
#undef ROW
};
