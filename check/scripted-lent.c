/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check/scripted-lent.h"
#include "check/scripted-private.h"

/* So many guarded blocks at least are remembered after their time. */
#define RETURNED_MAX 1024

/* A struct's alignment; a size that is no multiple of it is that of bytes or of a text. */
#define ALIGNMENT 8

TAILQ_HEAD(blocks, scripted_block);

/* The lent blocks of all links: a signal brings an address, and no link. */
static struct blocks lent = TAILQ_HEAD_INITIALIZER(lent);
static struct blocks returned = TAILQ_HEAD_INITIALIZER(returned);
static size_t n_returned;
static bool guarded;

/**
 * scripted_lend_guarded() - how blocks are lent from now on
 * @yes: guarded, instead of exact
 */
void scripted_lend_guarded(bool yes)
{
	guarded = yes;
}

/* ---- one block ---- */

static void make_exact(struct scripted_block *block, const void *data)
{
	block->start = memcpy(scripted_need(malloc(block->len)), data, block->len);
}

static void protect(void *pages, size_t len, int rights)
{
	if (mprotect(pages, len, rights) < 0)
		abort();
}

/* One page, and the guard behind it; most blocks are small, and the pages are used again. */
static uint8_t *take_pages(size_t len, size_t page)
{
	struct scripted_block *oldest = TAILQ_FIRST(&returned);
	uint8_t *pages;

	if (n_returned > RETURNED_MAX && oldest->pages_len == len) {
		pages = oldest->pages;
		TAILQ_REMOVE(&returned, oldest, entry);
		n_returned--;
		free(oldest);
		protect(pages, len - page, PROT_READ | PROT_WRITE);
		return pages;
	}
	pages = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		abort();
	protect(pages + len - page, page, PROT_NONE);

	return pages;
}

static void make_guarded(struct scripted_block *block, const void *data)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t used = (block->len + page - 1) / page * page;

	block->pages = take_pages(used + page, page);
	block->pages_len = used + page;
	block->start = block->pages + used - block->len;
	memcpy(block->start, data, block->len);
	if (block->term != SCRIPTED_TO_FILL)
		protect(block->pages, used, PROT_READ);
}

static void forget(struct scripted_block *block)
{
	if (block->pages)
		(void)munmap(block->pages, block->pages_len);
	else
		free(block->start);
	free(block);
}

/* The addresses stay taken for a while. */
static void put_away(struct scripted_block *block)
{
	struct scripted_block *oldest;

	TAILQ_REMOVE(&lent, block, entry);
	if (!block->pages) {
		forget(block);
		return;
	}
	protect(block->pages, block->pages_len, PROT_NONE);
	block->returned = true;
	TAILQ_INSERT_TAIL(&returned, block, entry);
	if (++n_returned <= 2 * RETURNED_MAX)
		return;
	oldest = TAILQ_FIRST(&returned);
	TAILQ_REMOVE(&returned, oldest, entry);
	n_returned--;
	forget(oldest);
}

/* ---- lending ---- */

/**
 * scripted_lend() - lend bytes
 * @link: to whom; the call that is under way is who it is lent to
 * @term: how long
 * @what: what it is, for sentences
 * @data: @len bytes
 * @len: how many
 *
 * Return: the block, aligned for a struct if @len is a multiple of 8; NULL when there are no bytes.
 */
void *scripted_lend(struct skybus_link *link, enum scripted_term term, const char *what,
		    const void *data, size_t len)
{
	struct scripted_block *block;

	if (len == 0)
		return NULL;
	block = scripted_need(calloc(1, sizeof(*block)));
	block->len = len;
	block->term = term;
	block->depth = link->depth;
	(void)snprintf(block->what, sizeof(block->what), "%s", what);
	(void)snprintf(block->call, sizeof(block->call), "%s", link->call ? link->call : "");
	if (guarded)
		make_guarded(block, data);
	else
		make_exact(block, data);
	TAILQ_INSERT_HEAD(&lent, block, entry);

	return block->start;
}

/**
 * scripted_lend_text() - lend a text to the call that is under way
 * @link: to whom
 * @what: what it is, for sentences
 * @text: may be NULL
 *
 * Return: the text; NULL for NULL.
 */
char *scripted_lend_text(struct skybus_link *link, const char *what, const char *text)
{
	return text ? scripted_lend(link, SCRIPTED_TO_READ, what, text, strlen(text) + 1) : NULL;
}

/**
 * scripted_take_back() - a block's time is over
 * @start: what scripted_lend() returned; NULL does nothing
 */
void scripted_take_back(const void *start)
{
	struct scripted_block *block;

	TAILQ_FOREACH(block, &lent, entry) {
		if (block->start == start) {
			put_away(block);
			return;
		}
	}
}

/**
 * scripted_take_back_call() - a call returned, and the time of what was lent to it is over
 * @depth: of the call
 */
void scripted_take_back_call(unsigned int depth)
{
	struct scripted_block *block, *next;

	for (block = TAILQ_FIRST(&lent); block; block = next) {
		next = TAILQ_NEXT(block, entry);
		if (block->term != SCRIPTED_TO_KEEP && block->depth >= depth)
			put_away(block);
	}
}

/* ---- who touched what ---- */

static bool holds(const struct scripted_block *block, const uint8_t *address)
{
	return block->pages && address >= block->pages && address < block->pages + block->pages_len;
}

/**
 * scripted_block_at() - the guarded block that an address is in, or in whose guard; safe in a signal handler
 * @address: any
 *
 * Return: the block, the host's; NULL: there is none.
 */
const struct scripted_block *scripted_block_at(const void *address)
{
	const struct scripted_block *block;

	TAILQ_FOREACH(block, &lent, entry) {
		if (holds(block, address))
			return block;
	}
	TAILQ_FOREACH(block, &returned, entry) {
		if (holds(block, address))
			return block;
	}

	return NULL;
}
