/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check/check.h"
#include "check/death.h"
#include "check/forbidden.h"
#include "check/scripted-lent.h"
#include "check/trial.h"
#include "check/watch.h"
#include "daemon/cleanup.h"

/* A trial whose children end so often is given up. */
#define DEATHS_MAX 6

/* So often something is run again before it is called a leak. */
#define SURE 150

/* The least that malloc() takes, here or anywhere. */
#define CHUNK 16

/* What parent and child both see. */
struct shared {
	size_t at; /* the case that is run */
	bool done; /* all cases were run */
	bool forbidden; /* system calls were watched, too */
	char when[200];
	_Alignas(16) char board[CHECK_BOARD_SIZE];
	struct check_findings findings;
	struct check_death death;
};

struct trial {
	struct check_plugin *plugin;
	struct check_findings *findings;
	check_run_fn *run;
	void *arg;
	size_t n;
	bool loading; /* the plugin is not there yet, and files may be opened */
};

/* Of the trial that is run: there is one at a time. */
static struct shared *shared;

/* In the child: what was found is found again. */
static bool muted;

/* ---- in the child ---- */

/**
 * check_when() - what is about to happen in this case, for findings
 * @format: "when …"
 */
void check_when(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(shared->when, sizeof(shared->when), format, args);
	va_end(args);
}

/**
 * check_fault() - a rule was broken
 * @call: in which call; NULL or "" for none
 * @format: what was broken, and behind a colon what to do instead
 */
void check_fault(const char *call, const char *format, ...)
{
	struct check_finding finding = { .n = 0 };
	va_list args;

	if (muted)
		return;
	va_start(args, format);
	(void)vsnprintf(finding.text, sizeof(finding.text), format, args);
	va_end(args);
	(void)snprintf(finding.call, sizeof(finding.call), "%s", call ? call : "");
	(void)snprintf(finding.when, sizeof(finding.when), "%s", shared->when);
	check_findings_add(&shared->findings, &finding);
}

/**
 * check_muted() - is what was watched before only run again?
 *
 * Return: whether it is, and need not be watched as closely.
 */
bool check_muted(void)
{
	return muted;
}

/**
 * check_link_fault() - has the host seen a rule broken?
 * @link: attached or not
 */
void check_link_fault(const struct skybus_link *link)
{
	const char *call = link->fault_call ? link->fault_call : "";
	const char *text = link->fault;
	size_t len = strlen(call);

	/* "decide() gave …" */
	if (len > 0 && strncmp(text, call, len) == 0 && text[len] == ' ')
		text += len + 1;
	if (*text)
		check_fault(call, "%s", text);
}

/**
 * check_board() - memory that parent and child share; all zero when a trial begins
 *
 * Return: CHECK_BOARD_SIZE bytes, until the next trial begins.
 */
void *check_board(void)
{
	return shared->board;
}

/**
 * check_calls_watched() - did the kernel tell of system calls in the last run?
 *
 * Return: whether it did; some cannot, such as those that are emulated.
 */
bool check_calls_watched(void)
{
	return shared->forbidden;
}

/* What the heap holds; of what is free the C library may keep a little as if it were not. */
static size_t heap_in_use(void)
{
	struct mallinfo2 heap = mallinfo2();

	return heap.uordblks + heap.hblkhd;
}

static size_t grow(void (*run)(void *arg), void *arg, unsigned int n)
{
	size_t before = heap_in_use(), after;

	for (unsigned int i = 0; i < n; i++)
		run(arg);
	after = heap_in_use();

	return after > before ? after - before : 0;
}

/**
 * check_growth() - run something again and again, and see whether the heap grows
 * @run: what
 * @arg: for @run
 * @n: how often at least; more than the seven free blocks that the C library keeps of each size
 *
 * Return: how many bytes more there are each time; 0 for none.
 */
size_t check_growth(void (*run)(void *arg), void *arg, unsigned int n)
{
	size_t first, second = 0;

	muted = true;
	scripted_lend_guarded(false);
	check_watch_clocks(CHECK_WALL_S);
	(void)grow(run, arg, 1);
	first = grow(run, arg, n);
	/* What the C library keeps of free blocks, it keeps once; a leak goes on. */
	if (first > 0) {
		n = n < SURE ? SURE : n;
		(void)grow(run, arg, SURE);
		first = grow(run, arg, n);
		second = grow(run, arg, n);
	}
	check_watch_forget();
	muted = false;

	return first / n >= CHUNK && second / n >= CHUNK ? second / n : 0;
}

/**
 * check_case() - run one thing that may happen to a link, once to watch it, then again for leaks
 * @run: what; it leaves nothing behind
 * @arg: for @run
 */
void check_case(void (*run)(void *arg), void *arg)
{
	static bool leaks; /* once it is known, it takes no more time */
	size_t growth;

	scripted_lend_guarded(true);
	run(arg);
	if (leaks)
		return;
	growth = check_growth(run, arg, 10);
	leaks = growth > 0;
	if (growth > 0)
		check_fault("",
			    "%zu bytes stay on the heap each time that this happens: free them on "
			    "this way out, too, and all that is left in detach()",
			    growth);
}

__attribute__((noreturn)) static void child(const struct trial *trial, int output)
{
	check_watch(&trial->plugin->image, &shared->death, output);
	if (!trial->loading)
		shared->forbidden = check_forbid();
	for (; shared->at < trial->n; shared->at++) {
		shared->when[0] = '\0';
		trial->run(trial->arg, shared->at);
	}
	shared->done = true;
	_exit(0);
}

/* ---- in the parent ---- */

static void share(void)
{
	if (!shared)
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		abort();
	memset(shared, 0, sizeof(*shared));
}

/* How a child ended that has not come to its end: by a signal that it caught, or caught not, or by exit(). */
static void take_down(const struct trial *trial, int status, int output)
{
	struct check_finding finding = { .n = 0 };
	char printed[200];

	check_watch_printed(output, printed, sizeof(printed));
	(void)snprintf(finding.when, sizeof(finding.when), "%s", shared->when);
	if (WIFSIGNALED(status) && shared->death.signal == 0) {
		shared->death.signal = WTERMSIG(status);
		shared->death.syscall = -1;
	}
	if (shared->death.signal != 0)
		check_death_tell(&shared->death, &trial->plugin->image, printed, &finding);
	else
		(void)snprintf(finding.text, sizeof(finding.text),
			       "the plugin ended the process with the status %d: return an error, "
			       "or call host->failed()",
			       WEXITSTATUS(status));
	check_findings_add(&shared->findings, &finding);
}

/* Whether it makes sense to go on with the next case. */
static bool one_child(const struct trial *trial, int output)
{
	int status;
	pid_t pid;

	shared->death = (struct check_death){ 0 };
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(trial, output);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	if (shared->done)
		return false;
	take_down(trial, status, output);
	shared->at++;

	return shared->death.signal != SIGPROF && shared->death.signal != SIGALRM &&
	       shared->at < trial->n;
}

static void run_trial(const struct trial *trial)
{
	SB_CLEANUP(sb_close) int output = check_watch_output();
	unsigned int deaths = 0;

	share();
	shared->findings = *trial->findings;
	while (one_child(trial, output))
		if (++deaths == DEATHS_MAX)
			break;
	if (!shared->done && shared->at < trial->n)
		shared->findings.more = true;
	*trial->findings = shared->findings;
}

/**
 * check_run() - run cases, each in a child that survives the one before
 * @plugin: loaded
 * @findings: are added to
 * @run: one case, in the child: 0 <= i < @n
 * @arg: for @run
 * @n: how many cases
 */
void check_run(struct check_plugin *plugin, struct check_findings *findings, check_run_fn *run,
	       void *arg, size_t n)
{
	const struct trial trial = {
		.plugin = plugin, .findings = findings, .run = run, .arg = arg, .n = n
	};

	run_trial(&trial);
}

/**
 * check_run_loading() - run something that opens files, such as loading the plugin; it is watched less
 * @plugin: not loaded
 * @findings: are added to
 * @run: what
 * @arg: for @run
 */
void check_run_loading(struct check_plugin *plugin, struct check_findings *findings,
		       check_run_fn *run, void *arg)
{
	const struct trial trial = { .plugin = plugin,
				     .findings = findings,
				     .run = run,
				     .arg = arg,
				     .n = 1,
				     .loading = true };

	run_trial(&trial);
}
