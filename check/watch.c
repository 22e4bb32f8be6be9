/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "check/scripted-call.h"
#include "check/scripted-host.h"
#include "check/trial.h"
#include "check/watch.h"
#include "daemon/cleanup.h"

/* For the handlers, which are given nothing of ours. */
static struct {
	struct check_image *image;
	struct check_death *death;
	const struct skybus_link *link; /* whose call is under way, or was last */
	int output;
} watched;

/* ---- signals ---- */

static void *instruction(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (void *)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__i386__)
	return (void *)context->uc_mcontext.gregs[REG_EIP];
#elif defined(__aarch64__)
	return (void *)context->uc_mcontext.pc;
#elif defined(__arm__)
	return (void *)context->uc_mcontext.arm_pc;
#else
	(void)context;
	return NULL;
#endif
}

/* Also beforehand: some signals cannot be caught. */
static void note_call(const struct skybus_link *link)
{
	const char *call = link && link->call ? link->call : "";

	(void)stpncpy(watched.death->call, call, sizeof(watched.death->call) - 1);
	watched.death->call[strnlen(call, sizeof(watched.death->call) - 1)] = '\0';
}

/* It calls nothing but what is safe there. */
static void on_signal(int number, siginfo_t *info, void *context)
{
	struct check_death *death = watched.death;
	const struct scripted_block *block = NULL;

	death->signal = number;
	note_call(watched.link);
	death->code = instruction(context);
	if (number == SIGSEGV || number == SIGBUS) {
		death->address = info->si_addr;
		block = scripted_block_at(info->si_addr);
	}
	if (number == SIGSYS)
		death->syscall = info->si_syscall;
	death->lent = block;
	if (block)
		death->block = *block;
	_exit(CHECK_DIED);
}

static void catch (void)
{
	static const int signals[] = { SIGSEGV, SIGBUS,	 SIGILL,  SIGFPE, SIGABRT,
				       SIGSYS,	SIGPROF, SIGALRM, SIGTRAP };
	static char stack[64 * 1024]; /* the plugin's own may be what is used up */
	const stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_sigaction = on_signal,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };

	(void)sigfillset(&action.sa_mask);
	(void)sigaltstack(&other, NULL);
	for (size_t i = 0; i < SB_ELEMENTS(signals); i++)
		(void)sigaction(signals[i], &action, NULL);
}

/* ---- time, text and static data ---- */

static void set_clock(int which, time_t seconds)
{
	const struct itimerval value = { .it_value.tv_sec = seconds };

	(void)setitimer(which, &value, NULL);
}

/**
 * check_watch_clocks() - the time that there is from now on
 * @cpu_s: of processor time, in seconds
 */
void check_watch_clocks(unsigned int cpu_s)
{
	set_clock(ITIMER_PROF, cpu_s);
	set_clock(ITIMER_REAL, 4 * CHECK_WALL_S);
}

/**
 * check_watch_output() - where a child's standard output and error go
 *
 * Return: a descriptor, the caller's; -1 if there is none.
 */
int check_watch_output(void)
{
	return memfd_create("output", MFD_CLOEXEC);
}

static size_t line_length(const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);

	return end ? (size_t)(end - text) : len;
}

/**
 * check_watch_printed() - what was printed, which is then forgotten
 * @output: from check_watch_output()
 * @ret: the first line; "" for nothing
 * @size: of @ret
 */
void check_watch_printed(int output, char *ret, size_t size)
{
	off_t end = lseek(output, 0, SEEK_CUR);
	char *memory;

	ret[0] = '\0';
	if (end <= 0)
		return;
	memory = mmap(NULL, (size_t)end, PROT_READ, MAP_PRIVATE, output, 0);
	if (memory == MAP_FAILED)
		abort();
	(void)snprintf(ret, size, "%.*s", (int)line_length(memory, (size_t)end), memory);
	(void)munmap(memory, (size_t)end);
	if (lseek(output, 0, SEEK_SET) < 0 || ftruncate(output, 0) < 0)
		abort();
}

/**
 * check_watch_forget() - forget what was printed
 */
void check_watch_forget(void)
{
	char printed[1];

	check_watch_printed(watched.output, printed, sizeof(printed));
}

static void check_output(const char *call)
{
	char printed[160];

	if (lseek(watched.output, 0, SEEK_CUR) <= 0)
		return;
	check_watch_printed(watched.output, printed, sizeof(printed));
	check_fault(call, "printed \"%s\": say it by host->log(), which adds the link's name",
		    printed);
}

static void check_statics(const char *call)
{
	const uint8_t *changed = check_image_changed(watched.image);
	struct check_symbol symbol;
	char offset[32];

	if (!changed)
		return;
	if (!check_image_symbol(watched.image, changed, &symbol))
		(void)snprintf(symbol.name, sizeof(symbol.name), "(no name is left of it)");
	(void)snprintf(offset, sizeof(offset), "+0x%zx",
		       (size_t)((uintptr_t)changed - watched.image->base));
	check_fault(call,
		    "wrote the plugin's static data, %s (at %s of the file): all state hangs on "
		    "what attach() returned, since other links use the same static data",
		    symbol.name, offset);
}

static void on_enter(struct skybus_link *link)
{
	watched.link = link;
	note_call(link);
	if (!check_muted())
		check_watch_clocks(CHECK_CPU_S);
}

static void on_leave(struct skybus_link *link)
{
	if (check_muted())
		return;
	check_output(link->call);
	check_statics(link->call);
}

/**
 * check_watch() - watch from now on; there is no way back
 * @image: of the plugin
 * @death: shared with the parent; gets what ends this process
 * @output: from check_watch_output()
 */
void check_watch(struct check_image *image, struct check_death *death, int output)
{
	static const struct scripted_watch watch = { .enter = on_enter, .leave = on_leave };

	watched.image = image;
	watched.death = death;
	watched.output = output;
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	(void)dup2(output, STDOUT_FILENO);
	(void)dup2(output, STDERR_FILENO);
	catch ();
	scripted_watch(&watch);
}
