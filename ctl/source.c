/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/cleanup.h"
#include "ctl/source.h"

/* What the daemon takes at most, and one byte more, so that it says itself what is too much. */
#define PAYLOAD_MAX 65537

/* Room for the longest line, and for the next piece. */
#define ROOM (2 * PAYLOAD_MAX)

static enum ctl_exit cannot_read(const struct ctl_source *source)
{
	return ctl_fail(CTL_EXIT_FAILED, "%s: %s.", source->name, strerror(errno));
}

/**
 * ctl_source_init() - find out where payloads come from
 * @source: embedded in its owner; ctl_source_done() also after a failure
 * @word: the word of the command line, "-" for standard input; NULL if there is none
 *
 * The options --file and --lines are looked at.
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_source_init(struct ctl_source *source, const struct ctl *ctl, const char *word)
{
	const char *path = ctl_option(ctl, "file");
	struct stat status;

	*source = (struct ctl_source){ .fd = -1, .lines = ctl_option(ctl, "lines") != NULL };
	if (path && word)
		return ctl_fail(CTL_EXIT_USAGE, "either a text or --file.");
	if (!path && word && strcmp(word, "-") != 0) {
		source->word = word;
		return source->lines
			       ? ctl_fail(CTL_EXIT_USAGE, "--lines goes with --file or \"-\".")
			       : CTL_EXIT_OK;
	}
	if (!path && !word && !source->lines)
		return ctl_fail(CTL_EXIT_USAGE,
				"what? Give a text, \"-\" for standard input, or --file.");

	source->name = path && strcmp(path, "-") != 0 ? path : "standard input";
	source->fd = source->name == path ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (source->fd < 0)
		return cannot_read(source);
	if (fstat(source->fd, &status) == 0 && S_ISREG(status.st_mode))
		source->size = (uint64_t)status.st_size;
	source->bytes = malloc(ROOM);

	return source->bytes ? CTL_EXIT_OK : ctl_no_memory();
}

/** ctl_source_done() - takes one that was never begun, too */
void ctl_source_done(struct ctl_source *source)
{
	if (source->fd > STDERR_FILENO)
		(void)close(source->fd);
	free(source->bytes);
}

/* The daemon refuses a longer line, whatever stands in the rest of it. */
static void shorten(struct ctl_source *source)
{
	if (source->filled < ROOM || memchr(source->bytes, '\n', source->filled))
		return;
	source->read += source->filled - PAYLOAD_MAX;
	source->filled = PAYLOAD_MAX;
}

/**
 * ctl_source_fill() - read what there is; waits until there is something
 * @source: not drained, and ctl_source_next() has nothing
 *
 * Return: CTL_EXIT_OK, or what to end with when it was said that it cannot be read.
 */
enum ctl_exit ctl_source_fill(struct ctl_source *source)
{
	ssize_t n;

	source->filled -= source->taken;
	(void)memmove(source->bytes, source->bytes + source->taken, source->filled);
	source->taken = 0;
	shorten(source);
	n = read(source->fd, source->bytes + source->filled, ROOM - source->filled);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? CTL_EXIT_OK : cannot_read(source);
	source->filled += (size_t)n;
	source->drained = n == 0 || (!source->lines && source->filled >= PAYLOAD_MAX);

	return CTL_EXIT_OK;
}

/* So many bytes are a payload, and so many more go with them. */
static enum ctl_exit take(struct ctl_source *source, size_t size, size_t more, void **ret,
			  size_t *ret_size)
{
	size_t kept = size < PAYLOAD_MAX ? size : PAYLOAD_MAX;
	void *copy = malloc(kept + 1);

	if (!copy)
		return ctl_no_memory();
	*ret = memcpy(copy, source->bytes + source->taken, kept);
	*ret_size = kept;
	source->taken += size + more;
	source->read += size + more;

	return CTL_EXIT_OK;
}

static enum ctl_exit next_line(struct ctl_source *source, void **ret, size_t *ret_size)
{
	const char *begin = source->bytes + source->taken;
	size_t left = source->filled - source->taken;
	const char *end = memchr(begin, '\n', left);

	if (end)
		return take(source, (size_t)(end - begin), 1, ret, ret_size);
	if (source->drained && left > 0)
		return take(source, left, 0, ret, ret_size);
	source->ended = source->drained;

	return CTL_EXIT_OK;
}

static enum ctl_exit whole(struct ctl_source *source, void **ret, size_t *ret_size)
{
	if (!source->drained)
		return CTL_EXIT_OK;
	source->ended = true;

	return take(source, source->filled, 0, ret, ret_size);
}

/**
 * ctl_source_next() - the next payload
 * @ret: set to it, which the caller frees; NULL when there are no more (@source has ended), or when they are to be
 * read first by ctl_source_fill()
 * @ret_size: set to its size in bytes
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_source_next(struct ctl_source *source, void **ret, size_t *ret_size)
{
	*ret = NULL;
	if (source->ended)
		return CTL_EXIT_OK;
	if (source->fd >= 0)
		return source->lines ? next_line(source, ret, ret_size)
				     : whole(source, ret, ret_size);

	source->ended = true;
	*ret_size = strlen(source->word);
	*ret = strdup(source->word);

	return *ret ? CTL_EXIT_OK : ctl_no_memory();
}
