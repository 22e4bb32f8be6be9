/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is measured, as text: OpenMetrics 1.0 for whoever reads that, and the older format of Prometheus (0.0.4)
 * for the text files that node_exporter collects. They differ in the names of families and in which types they
 * have.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/bus.h"
#include "ctl/output.h"
#include "ctl/replace.h"
#include "ctl/run.h"

/* A double holds each integer up to this. */
#define EXACT_MAX 9007199254740992.0

/** struct family - what it is in the daemon's answer */
struct family {
	const char *name;
	const char *type;
	const char *help;
	const json_t *samples;
};

/* Of the old format: its types have other names, and its families the names of their samples. */
static const struct {
	const char *type;
	const char *old_type;
	const char *suffix;
} old_types[] = {
	{ "counter", "counter", "_total" },
	{ "info", "gauge", "_info" },
	{ "stateset", "gauge", "" },
};

/* The ends of names that are units. */
static const char *const units[] = { "bytes", "seconds" };

static const char *text_at(const json_t *array, size_t i)
{
	const char *text = json_string_value(json_array_get(array, i));

	return text ? text : "";
}

static struct family family_of(const json_t *row)
{
	return (struct family){
		.name = text_at(row, 0),
		.type = text_at(row, 1),
		.help = text_at(row, 2),
		.samples = json_array_get(row, 3),
	};
}

/* ---- text ------------------------------------------------------------------------------------- */

static void write_escaped(FILE *out, const char *text, bool quotes)
{
	for (; *text; text++) {
		if (*text == '\n')
			(void)fputs("\\n", out);
		else if (*text == '\\' || (quotes && *text == '"'))
			(void)fprintf(out, "\\%c", *text);
		else
			(void)fputc(*text, out);
	}
}

static void write_number(FILE *out, double value)
{
	if (fabs(value) < EXACT_MAX && value == (double)(int64_t)value)
		(void)fprintf(out, " %.0f\n", value);
	else
		(void)fprintf(out, " %.15g\n", value);
}

static void write_sample(FILE *out, const struct family *family, const json_t *sample)
{
	json_t *labels = json_array_get(sample, 1);
	const char *separator = "{";
	const json_t *value;
	const char *name;

	(void)fprintf(out, "%s%s", family->name, text_at(sample, 0));
	json_object_foreach(labels, name, value) {
		(void)fprintf(out, "%s%s=\"", separator, name);
		write_escaped(out, json_string_value(value), true);
		(void)fputc('"', out);
		separator = ",";
	}
	if (json_object_size(labels) > 0)
		(void)fputc('}', out);
	write_number(out, json_number_value(json_array_get(sample, 2)));
}

static void write_samples(FILE *out, const struct family *family)
{
	const json_t *sample;
	size_t i;

	json_array_foreach(family->samples, i, sample)
		write_sample(out, family, sample);
}

static void write_head(FILE *out, const char *word, const char *name, const char *suffix)
{
	(void)fprintf(out, "# %s %s%s ", word, name, suffix);
}

static const char *unit_of(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < CTL_ELEMENTS(units); i++) {
		size_t unit_len = strlen(units[i]);

		if (len > unit_len + 1 && name[len - unit_len - 1] == '_' &&
		    strcmp(name + len - unit_len, units[i]) == 0)
			return units[i];
	}

	return NULL;
}

static void write_open_metrics(FILE *out, const json_t *families)
{
	const json_t *row;
	size_t i;

	json_array_foreach(families, i, row) {
		const struct family family = family_of(row);
		const char *unit = unit_of(family.name);

		write_head(out, "TYPE", family.name, "");
		(void)fprintf(out, "%s\n", family.type);
		if (unit) {
			write_head(out, "UNIT", family.name, "");
			(void)fprintf(out, "%s\n", unit);
		}
		write_head(out, "HELP", family.name, "");
		write_escaped(out, family.help, true);
		(void)fputc('\n', out);
		write_samples(out, &family);
	}
	(void)fputs("# EOF\n", out);
}

static void write_old(FILE *out, const json_t *families)
{
	const json_t *row;
	size_t i;

	json_array_foreach(families, i, row) {
		const struct family family = family_of(row);
		const char *type = family.type;
		const char *suffix = "";

		for (size_t j = 0; j < CTL_ELEMENTS(old_types); j++) {
			if (strcmp(family.type, old_types[j].type) == 0) {
				type = old_types[j].old_type;
				suffix = old_types[j].suffix;
			}
		}
		if (json_array_size(family.samples) == 0)
			continue;
		write_head(out, "HELP", family.name, suffix);
		write_escaped(out, family.help, false);
		(void)fputc('\n', out);
		write_head(out, "TYPE", family.name, suffix);
		(void)fprintf(out, "%s\n", type);
		write_samples(out, &family);
	}
}

/* ---- the file --------------------------------------------------------------------------------- */

/* Whoever collects it reads it under another user. */
static bool fill(int fd, const json_t *families)
{
	FILE *out = fdopen(fd, "w");
	bool good;

	if (!out) {
		(void)close(fd);
		return false;
	}
	write_old(out, families);
	good = !ferror(out) && fchmod(fd, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH) == 0;

	return fclose(out) == 0 && good;
}

/* A new one comes in a minute, so it is not synced; and flash wears. */
static enum ctl_exit write_file(const char *path, const json_t *families)
{
	CTL_CLEANUP(free) char *beside = NULL;
	enum ctl_exit status;
	int fd;

	/* No name that a collector of *.prom would take. */
	status = ctl_replace_begin(path, &beside, &fd);

	return status == CTL_EXIT_OK ? ctl_replace_end(path, beside, fill(fd, families)) : status;
}

/* ---- the command ------------------------------------------------------------------------------ */

static json_t *json_sample(const struct family *family, const json_t *sample)
{
	return json_pack("{s:s+, s:O, s:O}", "name", family->name, text_at(sample, 0), "labels",
			 json_array_get(sample, 1), "value", json_array_get(sample, 2));
}

static json_t *json_families(const json_t *families)
{
	json_t *all = json_array();
	const json_t *row;
	size_t i;

	json_array_foreach(families, i, row) {
		const struct family family = family_of(row);
		json_t *samples = json_array();
		const json_t *sample;
		size_t j;

		json_array_foreach(family.samples, j, sample)
			(void)json_array_append_new(samples, json_sample(&family, sample));
		(void)json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:o}", "name",
							   family.name, "type", family.type, "help",
							   family.help, "samples", samples));
	}

	return all;
}

static enum ctl_exit print(const struct ctl *ctl, const json_t *families)
{
	CTL_CLEANUP(json_decref) json_t *all = NULL;

	if (!ctl->json) {
		write_open_metrics(stdout, families);
		return CTL_EXIT_OK;
	}
	all = json_families(families);

	return all ? ctl_print_json(all, true) : ctl_no_memory();
}

/** ctl_run_metrics() - "metrics [--textfile FILE]" */
enum ctl_exit ctl_run_metrics(struct ctl *ctl)
{
	CTL_CLEANUP(json_decref) json_t *families = NULL;
	const char *path = ctl_option(ctl, "textfile");
	enum ctl_exit status;

	status = ctl_value(ctl, CTL_ROOT, CTL_MANAGER, "ListMetrics", &families, NULL);
	if (status != CTL_EXIT_OK)
		return status;

	return path ? write_file(path, families) : print(ctl, families);
}
