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

/* Rows of a table. */
/* clang-format off */
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

#define CONFIG_INIT_DETAILS                                                                            \
	"It asks for the plugin, and then for each setting that is needed. A line without anything\n"  \
	"in it takes the default, or leaves the setting out. A secret is not shown, and goes into a\n" \
	"file that only root and skybusd can read. Nothing is overwritten, and nothing stays behind\n" \
	"unless the link was put in force. Answers may come from a pipe, a line for each.\n"

const struct ctl_command ctl_commands[] = {
	{ .name = "status",
	  .summary = "Shows the links, and what is wrong with those that are not online",
	  .words = WORDS(WORD_LINK_OR_NONE),
	  .run = ctl_run_status },
	{ .name = "monitor",
	  .summary = "Shows rates, latency, windows and losses of the links as they change",
	  .options = OPTIONS(
		  { .name = "interval", .value = "TIME", .help = "between two looks (1 s)" },
		  { .name = "count", .letter = 'n', .value = "NUMBER", .help = "end after so many" }),
	  .details = "P50 and P95 are bounds: that part of the answers of the interval came within this time. LOST counts\n"
		     "what ended otherwise than delivered, since skybusd started.\n",
	  .run = ctl_run_monitor },
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
	{ .name = "publish",
	  .summary = "Publishes a message, and prints its ticket",
	  .words = WORDS({ .name = "TOPIC" }, { .name = "TEXT", .optional = true }),
	  .options = OPTIONS(
		  { .name = "link",
		    .letter = 'l',
		    .value = "LINK",
		    .what = CTL_WHAT_LINK,
		    .help = "to this link; else by the routes, or where none matches, to the only link" },
		  { .name = "file",
		    .letter = 'f',
		    .value = "FILE",
		    .what = CTL_WHAT_FILE,
		    .help = "what this file has, \"-\" for standard input" },
		  { .name = "lines", .help = "a message for each line" },
		  OPTION_WAIT("until all have ended; for ever, or this long at most"),
		  { .name = "ttl",
		    .value = "TIME",
		    .help = "how long it may wait: 90, 15m, 1h30m, 7d" },
		  { .name = "priority",
		    .value = "PRIORITY",
		    .choices = "bulk|normal|urgent",
		    .help = "which goes first" },
		  { .name = "durability",
		    .value = "WHERE",
		    .choices = "disk|memory",
		    .help = "where it waits; what is in memory ends with skybusd" },
		  { .name = "replace",
		    .help = "of this topic only the newest that was published so waits" },
		  { .name = "content-format", .value = "NUMBER", .help = "CoAP's, 50 for JSON" }),
	  .details =
		  "TEXT is the message, or \"-\" for what standard input has. A ticket is printed once the message is on\n"
		  "disk. With --wait it prints how each has ended instead; with --lines, only those that were not\n"
		  "delivered, and a sum. The TIME of --wait begins with the last line. With --lines it waits where a\n"
		  "queue is full, and then what was refused goes first; without, that is an error.\n",
	  .run = ctl_run_publish },
	{ .name = "request",
	  .summary = "Sends a message now, without storing it, and prints what the cloud answers",
	  .words = WORDS({ .name = "TOPIC" }, { .name = "TEXT", .optional = true }),
	  .options = OPTIONS({ .name = "link",
			       .letter = 'l',
			       .value = "LINK",
			       .what = CTL_WHAT_LINK,
			       .help = "to this link; may be left out where there is one only" },
			     { .name = "file",
			       .letter = 'f',
			       .value = "FILE",
			       .what = CTL_WHAT_FILE,
			       .help = "what this file has, \"-\" for standard input" },
			     { .name = "timeout",
			       .value = "TIME",
			       .help = "wait this long for the answer (30 s)" }),
	  .details =
		  "The payload of the answer goes to standard output, its code to standard error. It is written as it\n"
		  "is, but for what a terminal would act on.\n",
	  .run = ctl_run_request },
	{ .name = "subscribe",
	  .summary = "Prints the messages that match a filter, as they come",
	  .words = WORDS({ .name = "FILTER" }),
	  .options = OPTIONS(
		  { .name = "link",
		    .letter = 'l',
		    .value = "LINK",
		    .what = CTL_WHAT_LINK,
		    .help = "of this link; else of all" },
		  { .name = "count",
		    .letter = 'n',
		    .value = "NUMBER",
		    .help = "end after so many" },
		  { .name = "inbox",
		    .value = "NAME",
		    .help = "what comes while nobody runs this waits on disk under this name" },
		  { .name = "origin",
		    .value = "WHERE",
		    .choices = "cloud|local|any",
		    .help = "from the cloud (the default), from programs of this box, or both" },
		  { .name = "exec",
		    .value = "COMMAND",
		    .help = "give each to a shell's command instead" },
		  { .name = "answer",
		    .value = "TEXT",
		    .may_stand_alone = true,
		    .help = "answer the commands of the cloud with TEXT, or with what the command prints" },
		  { .name = "failure", .value = "CODE",
		    .help = "answer so if the command fails: the cloud's own word, 5.00 or 500" }),
	  .details =
		  "FILTER is as in MQTT: + stands for one level, # at the end for all the rest.\n\n"
		  "With --exec the command gets the payload as its standard input, and SKYBUS_LINK, SKYBUS_TOPIC,\n"
		  "SKYBUS_ORIGIN and SKYBUS_MESSAGE in its environment; messages are given to it one after the other.\n"
		  "If it fails, a command of the cloud is answered with --failure, or without that not at all, and\n"
		     "skybusd tells the cloud when the time is over; what waits in an inbox comes again.\n",
	  .run = ctl_run_subscribe },
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
	{ .name = "metrics",
	  .summary = "Prints what is measured, as OpenMetrics text",
	  .options = OPTIONS({ .name = "textfile", .value = "FILE", .what = CTL_WHAT_FILE,
			       .help = "into this file, for node_exporter to collect" }),
	  .details = "--textfile writes the older text format of Prometheus, which node_exporter\n"
		     "reads, and replaces the file as a whole. skybus-metrics.timer does it each\n"
		     "minute.\n",
	  .run = ctl_run_metrics },
	{ .name = "plugins",
	  .summary = "Shows the plugins, and what is wrong with those that were left out",
	  .run = ctl_run_plugins },
	{ .name = "plugins show",
	  .summary = "Shows the settings of a plugin",
	  .words = WORDS({ .name = "PLUGIN", .what = CTL_WHAT_PLUGIN }),
	  .run = ctl_run_plugins_show },
	{ .name = "plugins new",
	  .summary = "Makes a folder with a new plugin that can be built, checked and tried at once",
	  .words = WORDS({ .name = "NAME" }),
	  .options = OPTIONS({ .name = "directory",
			       .value = "DIRECTORY",
			       .what = CTL_WHAT_DIRECTORY,
			       .help = "where the folder NAME goes, instead of here" }),
	  .details = "The plugin logs in to a cloud that was made up, and publishes; comments say what to put in\n"
		     "the place of that. It is made from what the package skybus-dev has.\n",
	  .run = ctl_run_plugins_new },
	{ .name = "plugins lift",
	  .summary = "Has a plugin tried again that has crashed skybusd, and is in quarantine",
	  .words = WORDS({ .name = "PLUGIN", .what = CTL_WHAT_LEFT_OUT }),
	  .run = ctl_run_plugins_lift },
	{ .name = "config init",
	  .summary = "Asks for the settings of a new link, writes its file and puts it in force",
	  .words = WORDS({ .name = "LINK", .optional = true }),
	  .options = OPTIONS(
		  { .name = "all",
		    .help = "ask for every setting, not only for those that are needed" },
		  { .name = "yes", .letter = 'y', .help = "put it in force without asking" },
		  { .name = "directory",
		    .value = "DIRECTORY",
		    .what = CTL_WHAT_DIRECTORY,
		    .help = "where the file goes, instead of conf.d beside the configuration" },
		  OPTION_WAIT("until the link is online, this long at most (60 s)")),
	  .details = CONFIG_INIT_DETAILS,
	  .run = ctl_run_config_init },
	{ .name = "config check",
	  .summary = "Says what is wrong with the files of the configuration",
	  .words = WORDS({ .name = "FILE", .what = CTL_WHAT_FILE, .optional = true }),
	  .run = ctl_run_config_check },
	{ .name = "config show",
	  .summary =
		  "Shows the configuration that is in force, with the defaults and without secrets",
	  .run = ctl_run_config_show },
	{ .name = "reload",
	  .summary = "Reads the configuration again, and says what has changed",
	  .options = OPTIONS(
		  { .name = "dry-run", .letter = 'n', .help = "only say what would change" }),
	  .run = ctl_run_reload },
	{ .name = "doctor",
	  .summary = "Finds out what is wrong, and says what to do about it",
	  .words = WORDS(WORD_LINK_OR_NONE),
	  .options =
		  OPTIONS({ .name = "nat",
			    .value = "TIME",
			    .may_stand_alone = true,
			    .help = "measure how long routers remember, this long at most (3m)" },
			  { .name = "bundle",
			    .value = "FILE",
			    .what = CTL_WHAT_FILE,
			    .help = "write a redacted archive (tar.gz) for a bug report instead" },
			  { .name = "findings", .help = "show all that it can find instead" }),
	  .details =
		  "It looks, and changes nothing; no link logs in because of it. It asks the daemon, the box's\n"
		  "network, and by a CoAP ping or a DTLS hello the cloud's host. What stands first of what it\n"
		  "finds explains the rest.\n",
	  .run = ctl_run_doctor },
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
