/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/commands.h"
#include "ctl/run.h"

#define WORDS(...)                   \
	(const struct ctl_word[])    \
	{                            \
		__VA_ARGS__,         \
		{                    \
			.name = NULL \
		}                    \
	}
#define OPTIONS(...)                 \
	(const struct ctl_option[])  \
	{                            \
		__VA_ARGS__,         \
		{                    \
			.name = NULL \
		}                    \
	}

/* clang-format off: rows of a table */
#define WORD_LINK                                     \
	{                                             \
		.name = "LINK", .what = CTL_WHAT_LINK \
	}
#define WORD_LINK_OR_NONE                                               \
	{                                                               \
		.name = "LINK", .what = CTL_WHAT_LINK, .optional = true \
	}
#define WORD_TICKETS                               \
	{                                          \
		.name = "TICKET", .repeated = true \
	}
#define WORD_LETTERS                                                                               \
	{                                                                                          \
		.name = "TICKET", .what = CTL_WHAT_DEAD_LETTER, .optional = true, .repeated = true \
	}
#define OPTION_LINK                                                                    \
	{                                                                              \
		.name = "link", .letter = 'l', .value = "LINK", .what = CTL_WHAT_LINK, \
		.help = "this link only"                                               \
	}
#define OPTION_ALL_LETTERS                                                            \
	{                                                                             \
		.name = "all", .help = "all of them, or with --link all of that link" \
	}
#define OPTION_WAIT(what)                                                                \
	{                                                                                \
		.name = "wait", .letter = 'w', .value = "TIME", .may_stand_alone = true, \
		.help = what                                                             \
	}

const struct ctl_command ctl_commands[] = {
	{ .name = "status",
	  .summary = "Shows the links, and what is wrong with those that are not online",
	  .words = WORDS(WORD_LINK_OR_NONE),
	  .run = ctl_run_status },
	{ .name = "link show",
	  .summary = "Shows all of one link",
	  .words = WORDS(WORD_LINK_OR_NONE),
	  .run = ctl_run_link_show },
	{ .name = "link connect",
	  .summary = "Has a link try again now, or come back after disconnect",
	  .words = WORDS(WORD_LINK),
	  .options = OPTIONS(OPTION_WAIT("until it is online, this long at most (60 s)")),
	  .run = ctl_run_link_connect },
	{ .name = "link disconnect",
	  .summary = "Takes a link off its cloud; what is published goes on waiting on disk",
	  .words = WORDS(WORD_LINK),
	  .run = ctl_run_link_disconnect },
	{ .name = "link reauth",
	  .summary = "Has a link log in anew",
	  .words = WORDS(WORD_LINK),
	  .options = OPTIONS(OPTION_WAIT("until it is online, this long at most (60 s)")),
	  .run = ctl_run_link_reauth },
	{ .name = "ticket",
	  .summary = "Says what became of messages",
	  .words = WORDS(WORD_TICKETS),
	  .options = OPTIONS(OPTION_WAIT("until they have ended; for ever, or this long at most")),
	  .run = ctl_run_ticket },
	{ .name = "cancel",
	  .summary = "Calls back messages that wait",
	  .words = WORDS(WORD_TICKETS),
	  .run = ctl_run_cancel },
	{ .name = "dead list",
	  .summary = "Shows the messages that were refused, and why",
	  .options = OPTIONS(OPTION_LINK),
	  .run = ctl_run_dead_list },
	{ .name = "dead show",
	  .summary = "Shows one of them with its payload",
	  .words = WORDS({ .name = "TICKET", .what = CTL_WHAT_DEAD_LETTER }),
	  .run = ctl_run_dead_show },
	{ .name = "dead requeue",
	  .summary = "Publishes them again once the reason is mended; prints the new tickets",
	  .words = WORDS(WORD_LETTERS),
	  .options = OPTIONS(OPTION_ALL_LETTERS, OPTION_LINK),
	  .run = ctl_run_dead_requeue },
	{ .name = "dead discard",
	  .summary = "Throws them away; what became of their tickets stays known",
	  .words = WORDS(WORD_LETTERS),
	  .options = OPTIONS(OPTION_ALL_LETTERS, OPTION_LINK),
	  .run = ctl_run_dead_discard },
	{ .name = "losses",
	  .summary = "Counts what ended otherwise than delivered, by link, user and cause",
	  .run = ctl_run_losses },
	{ .name = "inboxes",
	  .summary = "Shows the inboxes, and what waits in them",
	  .run = ctl_run_inboxes },
	{ .name = "help",
	  .summary = "Says how to use a command",
	  .words = WORDS({ .name = "COMMAND",
			   .what = CTL_WHAT_COMMAND,
			   .optional = true,
			   .repeated = true }),
	  .run = ctl_run_help },
	{ .name = "complete", /* for shells; see complete.c */
	  .words = WORDS({ .name = "WORD", .optional = true, .repeated = true }),
	  .run = ctl_run_complete },
	{ .name = NULL },
};
/* clang-format on */
