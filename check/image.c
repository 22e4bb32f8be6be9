/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/image.h"
#include "daemon/cleanup.h"

/* ---- where it was loaded ---- */

struct search {
	uintptr_t inside;
	struct check_image *image;
	bool found;
};

static void add_area(struct check_image *image, uintptr_t start, uintptr_t end)
{
	if (start < end && image->n_areas < CHECK_AREAS_MAX)
		image->areas[image->n_areas++] =
			(struct check_area){ .start = (uint8_t *)start, .len = end - start };
}

/* What the dynamic linker has made read-only: to the last whole page. */
static void find_relro(const struct dl_phdr_info *info, uintptr_t *ret_start, uintptr_t *ret_end)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type != PT_GNU_RELRO)
			continue;
		*ret_start = info->dlpi_addr + header->p_vaddr;
		*ret_end = (*ret_start + header->p_memsz) & ~(page - 1);
	}
}

static void find_areas(const struct dl_phdr_info *info, struct check_image *image)
{
	uintptr_t relro_start = 0, relro_end = 0;

	find_relro(info, &relro_start, &relro_end);
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + header->p_vaddr;
		uintptr_t end = start + header->p_memsz;

		if (header->p_type != PT_LOAD || !(header->p_flags & PF_W))
			continue;
		if (relro_end <= start || relro_start >= end) {
			add_area(image, start, end);
			continue;
		}
		add_area(image, start, relro_start);
		add_area(image, relro_end, end);
	}
}

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *search = arg;
	uintptr_t end = 0;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + header->p_vaddr;

		if (header->p_type != PT_LOAD)
			continue;
		if (search->inside >= start && search->inside < start + header->p_memsz)
			search->found = true;
		end = start + header->p_memsz;
	}
	if (!search->found)
		return 0;
	search->image->base = info->dlpi_addr;
	search->image->end = end;
	find_areas(info, search->image);

	return 1;
}

static Elf *open_elf(const char *path)
{
	SB_CLEANUP(sb_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf;

	if (fd < 0 || elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF && elf_cntl(elf, ELF_C_FDREAD) == 0)
		return elf;
	(void)elf_end(elf);

	return NULL;
}

/**
 * check_image_find() - where a plugin was loaded, and what its static data is now
 * @image: embedded in its owner
 * @path: of its file
 * @inside: an address in it, such as its descriptor's
 *
 * Return: 0; -ENOENT: there is nothing; -ENOMEM.
 */
int check_image_find(struct check_image *image, const char *path, const void *inside)
{
	struct search search = { .inside = (uintptr_t)inside, .image = image };

	*image = (struct check_image){ .elf = open_elf(path) };
	(void)dl_iterate_phdr(look, &search);
	if (!search.found || !image->elf)
		return -ENOENT;
	for (size_t i = 0; i < image->n_areas; i++) {
		struct check_area *area = &image->areas[i];

		area->before = malloc(area->len);
		if (!area->before)
			return -ENOMEM;
		memcpy(area->before, area->start, area->len);
	}

	return 0;
}

/**
 * check_image_done() - free what it holds
 * @image: zeroed, or found
 */
void check_image_done(struct check_image *image)
{
	for (size_t i = 0; i < image->n_areas; i++)
		free(image->areas[i].before);
	(void)elf_end(image->elf);
	*image = (struct check_image){ 0 };
}

/**
 * check_image_changed() - has the plugin written its static data?
 * @image: takes the data as it is now for granted afterwards
 *
 * Return: the first byte that is another than when it was looked at last; NULL: none is.
 */
const uint8_t *check_image_changed(struct check_image *image)
{
	for (size_t i = 0; i < image->n_areas; i++) {
		struct check_area *area = &image->areas[i];
		size_t at = 0;

		if (memcmp(area->start, area->before, area->len) == 0)
			continue;
		while (area->start[at] == area->before[at])
			at++;
		memcpy(area->before, area->start, area->len);
		return area->start + at;
	}

	return NULL;
}

/* ---- its symbols ---- */

static Elf_Scn *find_table(Elf *elf, uint32_t type, GElf_Shdr *ret)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, ret) && ret->sh_type == type && ret->sh_entsize > 0)
			return section;

	return NULL;
}

static bool covers(const GElf_Sym *symbol, uintptr_t offset)
{
	return symbol->st_shndx != SHN_UNDEF && symbol->st_size > 0 && offset >= symbol->st_value &&
	       offset < symbol->st_value + symbol->st_size;
}

static bool find_in(Elf *elf, uint32_t type, uintptr_t offset, struct check_symbol *ret)
{
	GElf_Shdr header;
	Elf_Scn *section = find_table(elf, type, &header);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	GElf_Sym symbol;

	for (size_t i = 0; data && i < header.sh_size / header.sh_entsize; i++) {
		const char *name;

		if (!gelf_getsym(data, (int)i, &symbol) || !covers(&symbol, offset))
			continue;
		name = elf_strptr(elf, header.sh_link, symbol.st_name);
		if (!name || !*name)
			continue;
		(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
		ret->offset = offset - symbol.st_value;
		return true;
	}

	return false;
}

/**
 * check_image_symbol() - what is at an address
 * @image: found
 * @address: any
 * @ret: the function or object there
 *
 * Return: whether it is the plugin's, and has a name: a file that was stripped has few.
 */
bool check_image_symbol(const struct check_image *image, const void *address,
			struct check_symbol *ret)
{
	uintptr_t at = (uintptr_t)address;

	if (at < image->base || at >= image->end)
		return false;

	return find_in(image->elf, SHT_SYMTAB, at - image->base, ret) ||
	       find_in(image->elf, SHT_DYNSYM, at - image->base, ret);
}

/**
 * check_image_each() - all symbols that a plugin shows to the dynamic linker
 * @image: found
 * @each: is told of those it defines, and of those that it wants from others
 * @arg: for @each
 */
void check_image_each(const struct check_image *image, check_symbol_fn *each, void *arg)
{
	GElf_Shdr header;
	Elf_Scn *section = find_table(image->elf, SHT_DYNSYM, &header);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	GElf_Sym symbol;

	for (size_t i = 1; data && i < header.sh_size / header.sh_entsize; i++) {
		const char *name;

		if (!gelf_getsym(data, (int)i, &symbol) ||
		    GELF_ST_BIND(symbol.st_info) == STB_LOCAL)
			continue;
		name = elf_strptr(image->elf, header.sh_link, symbol.st_name);
		if (name && *name)
			each(arg, name, symbol.st_shndx != SHN_UNDEF);
	}
}
