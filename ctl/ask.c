/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/cleanup.h"
#include "ctl/text.h"

/* Longer lines move in memory, and leave parts of themselves behind. */
#define LINE_SIZE 4096

static const int stop_signals[] = { SIGINT, SIGTERM, SIGHUP };
static struct sigaction before[CTL_ELEMENTS(stop_signals)];
static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

/** ctl_ask_begin() - before the first question: from now on signals that end a program only stop the questions, so that things are undone */
void ctl_ask_begin(void)
{
	/* Without SA_RESTART: reading ends. */
	struct sigaction action = { .sa_handler = on_signal };

	/* No secret in a buffer that nobody wipes. */
	(void)setvbuf(stdin, NULL, _IONBF, 0);
	for (size_t i = 0; i < CTL_ELEMENTS(stop_signals); i++)
		(void)sigaction(stop_signals[i], &action, &before[i]);
}

/** ctl_ask_end() - signals do again what they did before ctl_ask_begin() */
void ctl_ask_end(void)
{
	for (size_t i = 0; i < CTL_ELEMENTS(stop_signals); i++)
		(void)sigaction(stop_signals[i], &before[i], NULL);
}

/** ctl_ask_stopped() - did a signal come? Return: whether one did. */
bool ctl_ask_stopped(void)
{
	return stopped != 0;
}

/** ctl_say() - something that is no question, to whoever is asked. @format: with its newline */
void ctl_say(const char *format, ...)
{
	CTL_CLEANUP(free) char *text = NULL, *safe = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	safe = text ? ctl_text_safe_lines(text) : NULL;
	(void)fputs(safe ? safe : "?\n", stderr);
}

static enum ctl_exit read_line(char **ret)
{
	size_t size = LINE_SIZE;
	char *line = malloc(size);
	ssize_t len;

	if (!line)
		return ctl_no_memory();
	len = stopped ? -1 : getline(&line, &size, stdin);
	if (len < 0 || stopped) {
		explicit_bzero(line, size);
		free(line);
		ctl_say("\n");
		return ctl_fail(CTL_EXIT_FAILED, "stopped.");
	}
	if (line[len - 1] == '\n')
		line[--len] = '\0';
	if (strlen(line) != (size_t)len) {
		explicit_bzero(line, size);
		free(line);
		return ctl_fail(CTL_EXIT_FAILED, "that was no text.");
	}
	*ret = line;

	return CTL_EXIT_OK;
}

/**
 * ctl_ask() - ask, and wait for a line
 * @question: without a newline
 * @ret: on success the line without its newline; the caller frees it
 *
 * Return: CTL_EXIT_OK; CTL_EXIT_FAILED, which was said, when there is no answer, or a signal came.
 */
enum ctl_exit ctl_ask(const char *question, char **ret)
{
	ctl_say("%s", question);

	return read_line(ret);
}

/** ctl_ask_secret() - as ctl_ask(), and a terminal does not show what is typed; the caller wipes the answer, too */
enum ctl_exit ctl_ask_secret(const char *question, char **ret)
{
	struct termios shown, hidden;
	bool terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
	enum ctl_exit status;

	/* Before the question, and without a flush: what is pasted may come at once. */
	if (terminal) {
		hidden = shown;
		hidden.c_lflag &= (tcflag_t)~ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &hidden);
	}
	ctl_say("%s", question);
	status = read_line(ret);
	if (terminal) {
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &shown);
		ctl_say("\n");
	}

	return status;
}

/**
 * ctl_ask_yes() - ask what can be answered by yes or no
 * @question: as of ctl_ask()
 * @ret: on success whether it was yes, which is also what an empty line means
 *
 * Return: as of ctl_ask().
 */
enum ctl_exit ctl_ask_yes(const char *question, bool *ret)
{
	for (;;) {
		CTL_CLEANUP(free) char *line = NULL;
		enum ctl_exit status = ctl_ask(question, &line);

		if (status != CTL_EXIT_OK)
			return status;
		*ret = *line == '\0' || strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
		if (*ret || strcasecmp(line, "n") == 0 || strcasecmp(line, "no") == 0)
			return CTL_EXIT_OK;
		ctl_say("Please answer yes or no.\n");
	}
}
