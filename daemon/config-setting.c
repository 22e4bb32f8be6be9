/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/cleanup.h"
#include "daemon/config-setting.h"
#include "daemon/file.h"
#include "daemon/kind.h"
#include "daemon/secret-source.h"

/* The most bytes of a file that is not a secret: every root certificate of a cloud is far shorter. */
#define FILE_MAX (64 * 1024)

typedef int secret_source_fn(struct sb_secret *secret, const char *name,
			     const struct sb_place *place, struct sb_problems *problems);

struct source {
	const char *key;
	enum sb_setting_source kind;
	secret_source_fn *read;
};

static const struct source *find_source(const char *key)
{
	static const struct source sources[] = {
		{ "credential", SB_SOURCE_CREDENTIAL, sb_secret_from_credential },
		{ "file", SB_SOURCE_FILE, sb_secret_from_file },
	};

	for (size_t i = 0; i < SB_ELEMENTS(sources); i++)
		if (strcmp(sources[i].key, key) == 0)
			return &sources[i];

	return NULL;
}

/* The only pair of {credential: name} or {file: path}, and how to read from it. */
static int find_secret(struct sb_yaml_walk *walk, const struct sb_yaml_pair *setting,
		       struct sb_yaml_pair *ret, const struct source **ret_source)
{
	struct sb_yaml_pair pair;
	size_t n = 0;
	int r;

	while ((r = sb_yaml_next(walk, &pair)) > 0) {
		*ret_source = find_source(pair.key);
		*ret = pair;
		n++;
		if (!*ret_source)
			break;
	}
	if (r < 0)
		return r;

	if (n != 1 || !*ret_source) {
		sb_problems_error(walk->problems, &setting->place,
				  "%.64s must come from one source: write {credential: NAME} or "
				  "{file: /PATH}",
				  setting->key);
		return -EINVAL;
	}

	return 0;
}

static int read_secret_mapping(struct sb_yaml_walk *walk, struct sb_settings *settings,
			       const struct sb_yaml_pair *pair)
{
	struct sb_secret secret = { 0 };
	const struct source *source = NULL;
	struct sb_yaml_pair where;
	const char *name;
	int r;

	r = find_secret(walk, pair, &where, &source);
	if (r < 0)
		return r;
	name = sb_yaml_text(&where, "the name of a credential or the path of a file",
			    walk->problems);
	if (!name)
		return -EINVAL;

	r = source->read(&secret, name, &where.place, walk->problems);
	if (r == 0)
		r = sb_settings_set_secret(settings, pair->key, secret.data, secret.len,
					   &where.place, walk->problems);
	if (r == 0)
		r = sb_settings_set_source(settings, pair->key, source->kind, name);
	sb_secret_done(&secret);

	return r;
}

static int read_secret(struct sb_yaml *yaml, struct sb_settings *settings,
		       const struct sb_yaml_pair *pair, struct sb_problems *problems)
{
	static const char expected[] = "{credential: NAME} or {file: /PATH}";
	struct sb_yaml_walk walk = { 0 };
	const char *text;
	int r;

	if (pair->value->type == YAML_MAPPING_NODE) {
		r = sb_yaml_enter(&walk, yaml, pair, expected, problems);
		if (r == 0)
			r = read_secret_mapping(&walk, settings, pair);
		sb_yaml_leave(&walk);
		return r;
	}

	text = sb_yaml_text(pair, expected, problems);
	if (!text)
		return -EINVAL;
	sb_problems_warning(problems, SB_EVENT_SECRET_INLINE, &pair->place,
			    "%.64s is written here, where anybody may read it who reads this file: "
			    "use {credential: NAME} or {file: /PATH}",
			    pair->key);

	return sb_settings_set_secret(settings, pair->key, text, strlen(text), &pair->place,
				      problems);
}

/*
 * What is in there is public, so unlike a secret's file it may be anybody's, and reached by a link.
 * O_NONBLOCK: whoever puts a FIFO there shall not stop the daemon.
 */
static int read_regular(const char *path, char **ret, size_t *ret_len, const char **ret_why)
{
	SB_CLEANUP(sb_close) int fd = -1;
	struct stat status;
	int r;

	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0) {
		r = -errno;
		*ret_why = strerror(errno);
		return r;
	}
	*ret_why = "it is not a regular file";
	if (!S_ISREG(status.st_mode))
		return -EINVAL;

	r = sb_file_read(fd, FILE_MAX, ret, ret_len);
	if (r == -EFBIG)
		*ret_why = "it has more than 65536 bytes";
	else if (r < 0)
		*ret_why = strerror(-r);
	else if (*ret_len == 0)
		*ret_why = "it is empty";

	return r == 0 && *ret_len == 0 ? -EINVAL : r;
}

static int read_file(struct sb_settings *settings, const struct sb_yaml_pair *pair,
		     struct sb_problems *problems)
{
	SB_CLEANUP(sb_free) char *data = NULL;
	const char *path = sb_yaml_text(pair, "the whole path of a file", problems);
	const char *why = NULL;
	size_t len = 0;
	int r;

	if (!path)
		return -EINVAL;
	if (*path != '/') {
		sb_problems_error(
			problems, &pair->place,
			"%.64s: \"%.128s\" does not begin with /: write the whole path of "
			"the file",
			pair->key, path);
		return -EINVAL;
	}
	r = read_regular(path, &data, &len, &why);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		sb_problems_error(problems, &pair->place,
				  "%.64s: cannot read %s: %s: check the path, and that skybusd may "
				  "read the file",
				  pair->key, path, why);
		return -EINVAL;
	}

	r = sb_settings_set_secret(settings, pair->key, data, len, &pair->place, problems);

	return r < 0 ? r : sb_settings_set_source(settings, pair->key, SB_SOURCE_FILE, path);
}

/**
 * sb_config_setting() - one setting from the configuration into the settings
 * @yaml: what was read
 * @settings: they have a row for the key
 * @pair: the key and its value
 * @problems: gets a sentence if the value will not do
 *
 * Return: 0; -ENOMEM; any other negative errno: @problems says why.
 */
int sb_config_setting(struct sb_yaml *yaml, struct sb_settings *settings,
		      const struct sb_yaml_pair *pair, struct sb_problems *problems)
{
	const struct skybus_setting *row = sb_settings_row(settings, pair->key);
	char expected[512];
	const char *text;

	sb_settings_mention(settings, pair->key);
	if (row->kind == SKYBUS_SECRET)
		return read_secret(yaml, settings, pair, problems);
	if (row->kind == SKYBUS_FILE)
		return read_file(settings, pair, problems);

	sb_kind_expected(row, expected, sizeof(expected));
	text = sb_yaml_text(pair, expected, problems);
	if (!text)
		return -EINVAL;

	return sb_settings_set(settings, pair->key, text, &pair->place, problems);
}
