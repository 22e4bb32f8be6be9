/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzzer's target once over each file of a folder, without a fuzzer: what was found once stays mended.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/input.h"

#define SIZE_MAX_BYTES (1024 * 1024)

static int is_file(const struct dirent *entry)
{
	return entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN;
}

/* Return: whether it was there. */
static int run_file(const char *folder, const char *name)
{
	static uint8_t bytes[SIZE_MAX_BYTES];
	char path[4096];
	size_t len;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rbe");
	if (!file) {
		(void)fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
		return 0;
	}
	len = fread(bytes, 1, sizeof(bytes), file);
	(void)fclose(file);
	/* The last one that is named is the one that ended it. */
	(void)printf("%s\n", name);
	(void)fflush(stdout);
	(void)LLVMFuzzerTestOneInput(bytes, len);

	return 1;
}

int main(int argc, char **argv)
{
	struct dirent **entries = NULL;
	int n = argc == 2 ? scandir(argv[1], &entries, is_file, alphasort) : -1;
	int done = 0;

	for (int i = 0; i < n; i++) {
		done += run_file(argv[1], entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (n <= 0 || done != n) {
		(void)fprintf(stderr, "usage: replay FOLDER, which has files in it\n");
		return EXIT_FAILURE;
	}

	return EXIT_SUCCESS;
}
