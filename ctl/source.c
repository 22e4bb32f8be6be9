/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/cleanup.h"
#include "ctl/source.h"

/* What the daemon takes at most; one byte more is read, so that it says itself what is too much. */
#define PAYLOAD_MAX 65536

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

	*source = (struct ctl_source){ .lines = ctl_option(ctl, "lines") != NULL };
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
	source->file = source->name == path ? fopen(path, "re") : stdin;
	if (!source->file)
		return ctl_fail(CTL_EXIT_FAILED, "%s: %s.", source->name, strerror(errno));
	if (fstat(fileno(source->file), &status) == 0 && S_ISREG(status.st_mode))
		source->size = (uint64_t)status.st_size;

	return CTL_EXIT_OK;
}

/** ctl_source_done() - takes one that was never begun, too */
void ctl_source_done(struct ctl_source *source)
{
	if (source->file && source->file != stdin)
		(void)fclose(source->file);
	free(source->line);
}

static enum ctl_exit cannot_read(const struct ctl_source *source)
{
	return ctl_fail(CTL_EXIT_FAILED, "%s: %s.", source->name, strerror(errno));
}

static enum ctl_exit next_line(struct ctl_source *source, void **ret, size_t *ret_size)
{
	ssize_t len = getline(&source->line, &source->line_size, source->file);
	void *copy;

	if (len < 0) {
		source->ended = true;
		return ferror(source->file) ? cannot_read(source) : CTL_EXIT_OK;
	}
	source->read += (uint64_t)len;
	if (source->line[len - 1] == '\n')
		len--;
	copy = malloc((size_t)len + 1);
	if (!copy)
		return ctl_no_memory();
	*ret_size = (size_t)len;
	*ret = memcpy(copy, source->line, (size_t)len);

	return CTL_EXIT_OK;
}

static enum ctl_exit whole(struct ctl_source *source, void **ret, size_t *ret_size)
{
	CTL_CLEANUP(free) char *bytes = malloc(PAYLOAD_MAX + 1);
	size_t size;

	if (!bytes)
		return ctl_no_memory();
	size = fread(bytes, 1, PAYLOAD_MAX + 1, source->file);
	if (ferror(source->file))
		return cannot_read(source);
	source->ended = true;
	*ret_size = size;
	*ret = bytes;
	bytes = NULL;

	return CTL_EXIT_OK;
}

/**
 * ctl_source_next() - the next payload
 * @ret: set to it, which the caller frees; NULL when there are no more
 * @ret_size: set to its size in bytes
 *
 * Return: CTL_EXIT_OK, or what to end with when it was said that it cannot be read.
 */
enum ctl_exit ctl_source_next(struct ctl_source *source, void **ret, size_t *ret_size)
{
	*ret = NULL;
	if (source->ended)
		return CTL_EXIT_OK;
	if (source->file)
		return source->lines ? next_line(source, ret, ret_size)
				     : whole(source, ret, ret_size);

	source->ended = true;
	*ret_size = strlen(source->word);
	*ret = strdup(source->word);

	return *ret ? CTL_EXIT_OK : ctl_no_memory();
}
