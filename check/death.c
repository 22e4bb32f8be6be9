/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "check/death.h"
#include "check/forbidden.h"
#include "check/watch.h"

/* " in function on_reply (enos.so+0x1234)", as far as it is known. */
static void tell_place(const struct check_death *death, const struct check_image *image, char *ret,
		       size_t size)
{
	struct check_symbol symbol;
	uintptr_t code = (uintptr_t)death->code;

	ret[0] = '\0';
	if (code < image->base || code >= image->end)
		return;
	if (check_image_symbol(image, death->code, &symbol))
		(void)snprintf(ret, size, ", in the function %s (at +0x%zx of the file)",
			       symbol.name, (size_t)(code - image->base));
	else
		(void)snprintf(ret, size, ", at +0x%zx of the file", (size_t)(code - image->base));
}

static void tell_lent(const struct check_death *death, const char *place, char *ret, size_t size)
{
	const struct scripted_block *block = &death->block;
	const uint8_t *address = death->address;

	if (block->returned && block->term == SCRIPTED_TO_KEEP)
		(void)snprintf(ret, size,
			       "touched %s, whose time is over%s: copy what is needed for longer",
			       block->what, place);
	else if (block->returned)
		(void)snprintf(ret, size,
			       "touched %s that was lent to %s, which has returned%s: copy what is "
			       "needed for longer",
			       block->what, block->call, place);
	else if (address >= block->start + block->len)
		(void)snprintf(ret, size,
			       "went beyond the end of %s%s: keep to the length that goes with it",
			       block->what, place);
	else if (address < block->start)
		(void)snprintf(ret, size, "went before the beginning of %s%s: mend the index",
			       block->what, place);
	else
		(void)snprintf(ret, size, "wrote into %s, which is only lent%s: change a copy",
			       block->what, place);
}

static const char *signal_name(int number)
{
	const char *name = sigabbrev_np(number);

	return name ? name : "?";
}

static void tell_crash(const struct check_death *death, const char *place, char *ret, size_t size)
{
	bool null = (uintptr_t)death->address < 4096;

	if (death->signal == SIGSEGV || death->signal == SIGBUS)
		(void)snprintf(ret, size,
			       "crashed (SIG%s at the address %p%s)%s: look there with a debugger",
			       signal_name(death->signal), death->address,
			       null ? ", a NULL pointer" : "", place);
	else
		(void)snprintf(ret, size, "crashed (SIG%s)%s: look there with a debugger",
			       signal_name(death->signal), place);
}

/**
 * check_death_tell() - say it in a sentence
 * @death: what ended the child
 * @image: the plugin's
 * @printed: what the child has printed last; "" for nothing
 * @ret: gets call and text
 */
void check_death_tell(const struct check_death *death, const struct check_image *image,
		      const char *printed, struct check_finding *ret)
{
	char place[CHECK_SYMBOL_MAX + 64], name[64];
	const char *why;

	tell_place(death, image, place, sizeof(place));
	(void)snprintf(ret->call, sizeof(ret->call), "%s", death->call);
	if (death->signal == SIGSYS && death->syscall < 0) {
		(void)snprintf(
			ret->text, sizeof(ret->text),
			"made a system call with all signals blocked, as pthread_create() does, which "
			"starts a thread: do the work in small steps, with host->timer_start()");
	} else if (death->signal == SIGSYS) {
		why = check_forbidden_why(death->syscall, name, sizeof(name));
		(void)snprintf(ret->text, sizeof(ret->text), "made the system call %s%s, which %s",
			       name, place, why);
	} else if (death->signal == SIGPROF || death->signal == SIGALRM) {
		(void)snprintf(ret->text, sizeof(ret->text),
			       "did not return within %d s%s: bound its loops",
			       death->signal == SIGPROF ? CHECK_CPU_S : CHECK_WALL_S, place);
	} else if (death->lent) {
		tell_lent(death, place, ret->text, sizeof(ret->text));
	} else if (death->signal == SIGABRT) {
		(void)snprintf(
			ret->text, sizeof(ret->text),
			"aborted%s%.300s: data from outside is never asserted, and a damaged "
			"heap shows in valgrind",
			*printed ? ", saying " : "", printed);
	} else {
		tell_crash(death, place, ret->text, sizeof(ret->text));
	}
}
