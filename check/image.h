/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A plugin's file, and where it was loaded: its symbols, and the memory that is writable for good, in which
 * its static data is.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECK_AREAS_MAX 8
#define CHECK_SYMBOL_MAX 128

/** struct check_area - writable memory of the plugin, as it was when nothing had been called yet */
struct check_area {
	uint8_t *start;
	size_t len;
	uint8_t *before; /* owned */
};

struct Elf;

/** struct check_image - a loaded plugin */
struct check_image {
	struct Elf *elf; /* mapped: names are looked up where no file can be opened */
	uintptr_t base;
	uintptr_t end;
	struct check_area areas[CHECK_AREAS_MAX];
	size_t n_areas;
};

/** struct check_symbol - a function or an object, and how far into it an address is */
struct check_symbol {
	char name[CHECK_SYMBOL_MAX];
	size_t offset;
};

typedef void check_symbol_fn(void *arg, const char *name, bool defined);

int check_image_find(struct check_image *image, const char *path, const void *inside);
void check_image_done(struct check_image *image);
const uint8_t *check_image_changed(struct check_image *image);
bool check_image_symbol(const struct check_image *image, const void *address,
			struct check_symbol *ret);
void check_image_each(const struct check_image *image, check_symbol_fn *each, void *arg);
