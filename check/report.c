/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "check/checks.h"
#include "check/report.h"
#include "daemon/cleanup.h"
#include "daemon/utf8.h"

static const char *const result_words[] = {
	[CHECK_PASSED] = "passed",
	[CHECK_FAILED] = "failed",
	[CHECK_SKIPPED] = "skipped",
};

/**
 * check_gap() - something was not checked
 * @outcome: of the check to which it belongs
 * @format: what, why, and what it takes
 */
void check_gap(struct check_outcome *outcome, const char *format, ...)
{
	struct check_finding gap = { .n = 0 };
	va_list args;

	va_start(args, format);
	(void)vsnprintf(gap.text, sizeof(gap.text), format, args);
	va_end(args);
	check_findings_add(&outcome->gaps, &gap);
}

/**
 * check_report_passed() - was no rule broken?
 * @report: the report
 *
 * Return: whether that is so; what was not checked counts as nothing, unless that is all.
 */
bool check_report_passed(const struct check_report *report)
{
	if (report->plugin->refused[0])
		return false;
	for (size_t i = 0; i < check_n_rows; i++)
		if (report->outcomes[i].result == CHECK_FAILED)
			return false;

	return true;
}

/* "encode(): a sentence [when …, and in 3 more cases]". */
static void write_finding(const struct check_finding *finding, FILE *file)
{
	if (finding->call[0])
		(void)fprintf(file, "%s: ", finding->call);
	(void)fprintf(file, "%s", finding->text);
	if (finding->when[0])
		(void)fprintf(file, " [%s%s", finding->when, finding->n > 1 ? "" : "]");
	if (finding->n > 1)
		(void)fprintf(file, "%s%u more case%s%s", finding->when[0] ? ", and in " : " [in ",
			      finding->n - 1, finding->n > 2 ? "s" : "", "]");
	(void)fprintf(file, "\n");
}

/* The first check before this one that has found the same; NULL for none. */
static const char *told_by(const struct check_report *report, size_t check,
			   const struct check_finding *finding)
{
	for (size_t i = 0; i < check; i++)
		for (size_t j = 0; j < report->outcomes[i].findings.n; j++)
			if (check_finding_same(&report->outcomes[i].findings.all[j], finding))
				return check_rows[i].name;

	return NULL;
}

static void write_broken(const struct check_report *report, size_t check, const char *word,
			 FILE *file)
{
	const struct check_findings *findings = &report->outcomes[check].findings;

	for (size_t i = 0; i < findings->n; i++) {
		const char *told = told_by(report, check, &findings->all[i]);

		(void)fprintf(file, "%s", word);
		if (told)
			(void)fprintf(file, "the same as in \"%s\"\n", told);
		else
			write_finding(&findings->all[i], file);
	}
	if (findings->more)
		(void)fprintf(file, "%sthere is more: mend these first\n", word);
}

static void write_notes(const struct check_outcome *outcome, const char *indent, FILE *file)
{
	for (size_t i = 0; i < outcome->warnings.n; i++)
		(void)fprintf(file, "%swarning: %s\n", indent, outcome->warnings.all[i].text);
	for (size_t i = 0; i < outcome->gaps.n; i++)
		(void)fprintf(file, "%snot checked: %s\n", indent, outcome->gaps.all[i].text);
}

/* ---- for people ---- */

static void write_people(const struct check_report *report, FILE *file)
{
	static const char *const marks[] = {
		[CHECK_PASSED] = "ok", [CHECK_FAILED] = "FAILED", [CHECK_SKIPPED] = "--"
	};
	size_t n = 0;

	for (size_t i = 0; i < check_n_rows; i++) {
		const struct check_outcome *outcome = &report->outcomes[i];

		(void)fprintf(file, "%-6s  %-9s %s%s\n", marks[outcome->result], check_rows[i].name,
			      outcome->result == CHECK_SKIPPED ? "not checked: " : "",
			      outcome->text);
		write_broken(report, i, "        broken: ", file);
		write_notes(outcome, "        ", file);
		for (size_t j = 0; j < outcome->findings.n; j++)
			n += !told_by(report, i, &outcome->findings.all[j]);
	}
	if (report->plugin->refused[0])
		(void)fprintf(file, "%s was not checked.\n", report->plugin->path);
	else if (check_report_passed(report))
		(void)fprintf(file, "%s keeps the rules, as far as it was checked.\n",
			      report->plugin->path);
	else
		(void)fprintf(file, "%s breaks the rules: %zu finding%s.\n", report->plugin->path,
			      n, n == 1 ? "" : "s");
}

/* ---- as TAP, version 13: testanything.org ---- */

/* A number sign begins a directive. */
static void write_tap_text(const char *text, FILE *file)
{
	for (; *text; text++)
		(void)fputc(*text == '#' ? '.' : *text, file);
}

static void write_tap(const struct check_report *report, FILE *file)
{
	(void)fprintf(file, "TAP version 13\n1..%zu\n", check_n_rows);
	for (size_t i = 0; i < check_n_rows; i++) {
		const struct check_outcome *outcome = &report->outcomes[i];

		(void)fprintf(file, "%sok %zu - %s", outcome->result == CHECK_FAILED ? "not " : "",
			      i + 1, check_rows[i].name);
		(void)fprintf(file, outcome->result == CHECK_SKIPPED ? " # SKIP " : ": ");
		write_tap_text(outcome->text, file);
		(void)fprintf(file, "\n");
		write_broken(report, i, "# broken: ", file);
		write_notes(outcome, "# ", file);
	}
}

/* ---- as JSON ---- */

static json_t *findings_to_json(const struct check_findings *findings)
{
	json_t *array = json_array();

	for (size_t i = 0; i < findings->n; i++) {
		const struct check_finding *finding = &findings->all[i];

		(void)json_array_append_new(array,
					    json_pack("{s:s, s:s, s:s, s:i}", "call", finding->call,
						      "when", finding->when, "text", finding->text,
						      "cases", (int)finding->n));
	}

	return array;
}

static json_t *outcome_to_json(const struct check_outcome *outcome, const char *name)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "check", name, "result",
			 result_words[outcome->result], "text", outcome->text, "findings",
			 findings_to_json(&outcome->findings), "warnings",
			 findings_to_json(&outcome->warnings), "not_checked",
			 findings_to_json(&outcome->gaps));
}

/* What is not of this program may be anything. */
static json_t *text_to_json(const char *text)
{
	SB_CLEANUP(sb_free) char *copy = strdup(text);

	if (copy)
		sb_utf8_make_printable(copy);

	return copy ? json_string(copy) : NULL;
}

static int write_json(const struct check_report *report, FILE *file)
{
	const struct skybus_plugin *descriptor = report->plugin->descriptor;
	json_t *checks = json_array(), *object;
	int r;

	for (size_t i = 0; i < check_n_rows; i++)
		(void)json_array_append_new(checks, outcome_to_json(&report->outcomes[i],
								    check_rows[i].name));
	object =
		json_pack("{s:o, s:s?, s:o?, s:b, s:o}", "file", text_to_json(report->plugin->path),
			  "plugin", descriptor ? descriptor->name : NULL, "version",
			  descriptor ? text_to_json(descriptor->version) : NULL, "passed",
			  check_report_passed(report), "checks", checks);
	r = object ? json_dumpf(object, file, JSON_INDENT(2)) : -1;
	json_decref(object);
	(void)fprintf(file, "\n");

	return r < 0 ? -ENOMEM : 0;
}

/**
 * check_report_write() - write it
 * @report: all checks are done
 * @form: how
 * @file: where
 *
 * Return: 0; -EIO: it could not be written; -ENOMEM.
 */
int check_report_write(const struct check_report *report, enum check_form form, FILE *file)
{
	int r = 0;

	if (form == CHECK_PEOPLE)
		write_people(report, file);
	else if (form == CHECK_TAP)
		write_tap(report, file);
	else
		r = write_json(report, file);
	if (fflush(file) != 0 || ferror(file))
		r = -EIO;

	return r;
}
