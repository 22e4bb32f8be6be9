/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "daemon/process-usage.h"

#define LINE_MAX_LEN 1024
#define START_FIELD 22 /* of /proc/self/stat, proc(5); the first is 1 */
#define NAME_FIELD 2

static void file_close_cleanup(FILE *const *file)
{
	if (*file)
		(void)fclose(*file);
}

static bool read_line(const char *path, char *line, size_t size)
{
	__attribute__((cleanup(file_close_cleanup))) FILE *file = fopen(path, "re");

	return file && fgets(line, (int)size, file);
}

static double seconds_of(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

/**
 * sb_process_cpu_seconds() - what the process has had of the processors, in user and kernel
 *
 * Return: seconds.
 */
double sb_process_cpu_seconds(void)
{
	struct rusage usage = { 0 };

	(void)getrusage(RUSAGE_SELF, &usage);

	return seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime);
}

/**
 * sb_process_resident_bytes() - what the process has in memory
 *
 * Return: bytes; -1 if the kernel does not tell.
 */
double sb_process_resident_bytes(void)
{
	char line[LINE_MAX_LEN];
	uint64_t pages;

	if (!read_line("/proc/self/statm", line, sizeof(line)) ||
	    sscanf(line, "%*u %" SCNu64, &pages) != 1)
		return -1;

	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/**
 * sb_process_open_fds() - how many descriptors are open
 *
 * Return: how many; -1 if the kernel does not tell.
 */
double sb_process_open_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;
	int n = 0;

	if (!directory)
		return -1;
	while ((entry = readdir(directory)))
		n += entry->d_name[0] != '.';
	(void)closedir(directory);

	return n - 1; /* the directory's own */
}

/* When this box booted, by the wall clock as it is now. */
static double boot_seconds(void)
{
	struct timespec wall;
	struct timespec boot;

	(void)clock_gettime(CLOCK_REALTIME, &wall);
	(void)clock_gettime(CLOCK_BOOTTIME, &boot);

	return (double)(wall.tv_sec - boot.tv_sec) + (double)(wall.tv_nsec - boot.tv_nsec) / 1e9;
}

/**
 * sb_process_start_seconds() - when the process began
 *
 * Return: whole seconds since 1970, by the wall clock as it is now, so that each call finds the same while nobody
 * sets that; -1 if the kernel does not tell.
 */
double sb_process_start_seconds(void)
{
	char line[LINE_MAX_LEN];
	const char *rest;
	uint64_t ticks;

	if (!read_line("/proc/self/stat", line, sizeof(line)))
		return -1;
	/* Behind the name, which may hold anything. */
	rest = strrchr(line, ')');
	for (int field = NAME_FIELD; rest && field < START_FIELD; field++)
		rest = strchr(rest + 1, ' ');
	if (!rest || sscanf(rest, "%" SCNu64, &ticks) != 1)
		return -1;

	return (double)(int64_t)(boot_seconds() + (double)ticks / (double)sysconf(_SC_CLK_TCK));
}
