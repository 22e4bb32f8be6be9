/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forgetfs [-o strict] DIRECTORY - mounts a disk that forgets what was not synced when its power is
 * cut.
 *
 * The disk has one directory, and is in memory. The kernel caches nothing of it, so that every
 * write and sync of a program comes here. In the directory, but not in its listing, is the file
 * .control: an order is written to it, see forget-order.c, and has been obeyed when write(2)
 * returns; what is read from it is how the disk is. Ends with the mount, or on SIGTERM.
 */
#define FUSE_USE_VERSION 31

#include <errno.h>
#include <fuse.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/torture/forget-disk.h"

#define CONTROL "/.control"
#define ORDER_MAX 63

/* More than can be stalled at once, so that orders are obeyed all the same. */
#define THREADS "-omax_threads=64,max_idle_threads=8"

static struct forget_disk disk;

/* ---- handles --------------------------------------------------------------------------------- */

static struct forget_handle *handle_of(const struct fuse_file_info *info)
{
	return info ? (struct forget_handle *)(uintptr_t)info->fh : NULL;
}

static void set_handle(struct fuse_file_info *info, struct forget_handle *handle)
{
	info->fh = (uintptr_t)handle;
}

static bool is_control(const char *path)
{
	return path && strcmp(path, CONTROL) == 0;
}

/* The handle of an operation, or one of its own that is closed by end(). */
static int begin(const char *path, const struct fuse_file_info *info, struct forget_handle **ret)
{
	*ret = handle_of(info);
	if (*ret)
		return 0;

	return path ? forget_disk_open(&disk, path + 1, false, ret) : -EIO;
}

static void end(const struct fuse_file_info *info, struct forget_handle *handle)
{
	if (!handle_of(info))
		forget_disk_close(&disk, handle);
}

/* ---- orders ---------------------------------------------------------------------------------- */

static int obey(const char *data, size_t len)
{
	char order[ORDER_MAX + 1];
	int r;

	if (len > ORDER_MAX)
		return -EINVAL;
	memcpy(order, data, len);
	order[len] = '\0';
	r = forget_disk_order(&disk, order);

	return r < 0 ? r : (int)len;
}

static int tell(char *data, size_t len, size_t offset)
{
	char text[256];
	size_t size = (size_t)forget_disk_tell(&disk, text, sizeof(text));

	if (offset >= size)
		return 0;
	if (len > size - offset)
		len = size - offset;
	memcpy(data, text + offset, len);

	return (int)len;
}

/* ---- operations, as fuse.h names them -------------------------------------------------------- */

static void *op_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
	(void)connection;
	config->direct_io = 1;
	config->hard_remove = 1;
	config->nullpath_ok = 1;
	config->attr_timeout = 0;
	config->entry_timeout = 0;
	config->negative_timeout = 0;

	return NULL;
}

static int op_getattr(const char *path, struct stat *ret, struct fuse_file_info *info)
{
	struct forget_handle *handle;
	int r;

	*ret = (struct stat){ .st_mode = S_IFREG | 0600, .st_nlink = 1 };
	if (path && strcmp(path, "/") == 0) {
		ret->st_mode = S_IFDIR | 0700;
		ret->st_nlink = 2;
	} else if (!is_control(path)) {
		r = begin(path, info, &handle);
		if (r < 0)
			return r;
		r = forget_disk_stat(&disk, handle, ret);
		end(info, handle);
		if (r < 0)
			return r;
	}
	ret->st_uid = getuid();
	ret->st_gid = getgid();

	return 0;
}

static int op_open(const char *path, struct fuse_file_info *info)
{
	struct forget_handle *handle;
	int r;

	if (is_control(path))
		return 0;
	r = forget_disk_open(&disk, path + 1, (info->flags & O_ACCMODE) != O_RDONLY, &handle);
	if (r == 0)
		set_handle(info, handle);

	return r;
}

static int op_create(const char *path, mode_t mode, struct fuse_file_info *info)
{
	struct forget_handle *handle;
	int r;

	r = forget_disk_create(&disk, path + 1, S_IFREG | (mode & 07777), &handle);
	if (r == 0)
		set_handle(info, handle);

	return r;
}

static int op_release(const char *path, struct fuse_file_info *info)
{
	(void)path;
	if (handle_of(info))
		forget_disk_close(&disk, handle_of(info));

	return 0;
}

static int op_read(const char *path, char *data, size_t len, off_t offset,
		   struct fuse_file_info *info)
{
	(void)path;
	if (!handle_of(info))
		return tell(data, len, (size_t)offset);

	return forget_disk_read(&disk, handle_of(info), data, len, (size_t)offset);
}

static int op_write(const char *path, const char *data, size_t len, off_t offset,
		    struct fuse_file_info *info)
{
	int r;

	(void)path;
	if (!handle_of(info))
		return obey(data, len);
	r = forget_disk_write(&disk, handle_of(info), data, len, (size_t)offset);

	return r < 0 ? r : (int)len;
}

static int op_truncate(const char *path, off_t len, struct fuse_file_info *info)
{
	struct forget_handle *handle;
	int r;

	if (is_control(path))
		return 0;
	r = begin(path, info, &handle);
	if (r < 0)
		return r;
	r = forget_disk_set_len(&disk, handle, (size_t)len);
	end(info, handle);

	return r;
}

static int op_fallocate(const char *path, int mode, off_t offset, off_t len,
			struct fuse_file_info *info)
{
	(void)path;
	if (mode != 0 || !handle_of(info))
		return -EOPNOTSUPP;

	return forget_disk_reserve(&disk, handle_of(info), (size_t)(offset + len));
}

static int op_chmod(const char *path, mode_t mode, struct fuse_file_info *info)
{
	struct forget_handle *handle;
	int r;

	r = begin(path, info, &handle);
	if (r < 0)
		return r;
	r = forget_disk_set_mode(&disk, handle, mode);
	end(info, handle);

	return r;
}

static int op_fsync(const char *path, int only_data, struct fuse_file_info *info)
{
	(void)path;
	(void)only_data;

	return handle_of(info) ? forget_disk_sync(&disk, handle_of(info)) : 0;
}

static int op_fsyncdir(const char *path, int only_data, struct fuse_file_info *info)
{
	(void)path;
	(void)only_data;
	(void)info;

	return forget_disk_sync(&disk, NULL);
}

static int op_unlink(const char *path)
{
	return forget_disk_unlink(&disk, path + 1);
}

static int op_rename(const char *from, const char *to, unsigned int flags)
{
	return flags == 0 ? forget_disk_rename(&disk, from + 1, to + 1) : -EINVAL;
}

/** struct listing - where names go */
struct listing {
	void *buffer;
	fuse_fill_dir_t fill;
};

static int list(void *userdata, const char *name)
{
	const struct listing *listing = userdata;

	return listing->fill(listing->buffer, name, NULL, 0, 0);
}

static int op_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
		      struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
	struct listing listing = { .buffer = buffer, .fill = fill };

	(void)path;
	(void)offset;
	(void)info;
	(void)flags;

	return forget_disk_each(&disk, list, &listing) == 0 ? 0 : -ENOMEM;
}

static int op_statfs(const char *path, struct statvfs *ret)
{
	size_t capacity;
	size_t room = forget_disk_room(&disk, &capacity);

	(void)path;
	*ret = (struct statvfs){
		.f_bsize = FORGET_SECTOR,
		.f_frsize = FORGET_SECTOR,
		.f_blocks = capacity / FORGET_SECTOR,
		.f_bfree = room / FORGET_SECTOR,
		.f_bavail = room / FORGET_SECTOR,
		.f_namemax = 255,
	};

	return 0;
}

static const struct fuse_operations operations = {
	.init = op_init,
	.getattr = op_getattr,
	.open = op_open,
	.create = op_create,
	.release = op_release,
	.read = op_read,
	.write = op_write,
	.truncate = op_truncate,
	.fallocate = op_fallocate,
	.chmod = op_chmod,
	.fsync = op_fsync,
	.fsyncdir = op_fsyncdir,
	.unlink = op_unlink,
	.rename = op_rename,
	.readdir = op_readdir,
	.statfs = op_statfs,
};

static const struct fuse_opt options[] = {
	{ .templ = "strict", .offset = 0, .value = 1 },
	FUSE_OPT_END,
};

int main(int argc, char **argv)
{
	struct fuse_args arguments = FUSE_ARGS_INIT(argc, argv);
	int strict = 0;
	int status = EXIT_FAILURE;

	if (forget_disk_init(&disk) < 0)
		return EXIT_FAILURE;
	/* In the foreground, so that whoever has started it can end it. */
	if (fuse_opt_parse(&arguments, &strict, options, NULL) == 0 &&
	    fuse_opt_add_arg(&arguments, "-f") == 0 && fuse_opt_add_arg(&arguments, THREADS) == 0) {
		disk.strict = strict;
		status = fuse_main(arguments.argc, arguments.argv, &operations, NULL);
	}
	fuse_opt_free_args(&arguments);
	forget_disk_done(&disk);

	return status;
}
