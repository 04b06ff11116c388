/* A disk that forgets what was not synced, for tests: preloaded into the gateway, it keeps beside every file of the store a
 * shadow that holds only what a sync has made durable. After a kill -9 the test puts the shadows in place of the files.
 *
 * Environment, read at every call:
 *   VOLATILE_DISK_DIR      files directly below this folder are watched, but for *-shm and *.lock, which need not survive
 *   VOLATILE_DISK_SHADOW   where their shadows are
 *   VOLATILE_DISK_DEAF     a file whose name ends so is never made durable, as if its sync had been forgotten
 *   VOLATILE_DISK_FULL     while this file exists, writes find no space
 *   VOLATILE_DISK_FROZEN   while this file exists, nothing can be opened for writing
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FDS 4096
#define MAX_FILES 64

struct range { off_t from, to; };
struct file { char name[256]; struct range *dirty; size_t count, room; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file files[MAX_FILES];
static int file_of_fd[MAX_FDS]; /* index + 1, 0 where the file is not watched */

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return end_length > 0 && length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* The name of a watched file below the folder, or NULL. */
static const char *watched(const char *path) {
    const char *dir = getenv("VOLATILE_DISK_DIR");
    if (!dir || strncmp(path, dir, strlen(dir)) != 0) return NULL;
    const char *name = path + strlen(dir);
    while (*name == '/') name++;
    if (!*name || strchr(name, '/') || strlen(name) > 255) return NULL;
    return ends_with(name, "-shm") || ends_with(name, ".lock") ? NULL : name;
}

static int exists(const char *variable) {
    const char *path = getenv(variable);
    return path && access(path, F_OK) == 0;
}

static void shadow_path(char *path, size_t size, const char *name) {
    snprintf(path, size, "%s/%s", getenv("VOLATILE_DISK_SHADOW"), name);
}

static void watch(int fd, const char *name) {
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MAX_FILES; i++) {
        if (!files[i].name[0]) strcpy(files[i].name, name);
        if (strcmp(files[i].name, name) == 0) {
            file_of_fd[fd] = i + 1;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
}

static struct file *file_of(int fd) {
    return fd >= 0 && fd < MAX_FDS && file_of_fd[fd] ? &files[file_of_fd[fd] - 1] : NULL;
}

static void note(int fd, off_t from, off_t to) {
    pthread_mutex_lock(&lock);
    struct file *file = file_of(fd);
    if (file) {
        if (file->count == file->room) {
            file->room = file->room ? 2 * file->room : 64;
            file->dirty = realloc(file->dirty, file->room * sizeof(struct range));
        }
        file->dirty[file->count++] = (struct range){from, to};
    }
    pthread_mutex_unlock(&lock);
}

/* Copies what was written since the last sync into the shadow, and gives it the file's size. */
static void make_durable(int fd) {
    pthread_mutex_lock(&lock);
    struct file *file = file_of(fd);
    const char *deaf = getenv("VOLATILE_DISK_DEAF");
    if (file && !(deaf && ends_with(file->name, deaf))) {
        char path[4096], buffer[65536];
        shadow_path(path, sizeof path, file->name);
        int shadow = REAL("open64", int (*)(const char *, int, ...))(path, O_RDWR | O_CREAT, 0600);
        ssize_t (*write_at)(int, const void *, size_t, off_t) = REAL("pwrite64", ssize_t (*)(int, const void *, size_t, off_t));
        for (size_t i = 0; i < file->count; i++) {
            for (off_t at = file->dirty[i].from; at < file->dirty[i].to;) {
                size_t want = file->dirty[i].to - at < (off_t)sizeof buffer ? (size_t)(file->dirty[i].to - at) : sizeof buffer;
                ssize_t got = pread(fd, buffer, want, at);
                if (got <= 0) break;
                write_at(shadow, buffer, got, at);
                at += got;
            }
        }
        file->count = 0;
        struct stat now;
        if (fstat(fd, &now) == 0) {
            int cut = REAL("ftruncate64", int (*)(int, off_t))(shadow, now.st_size);
            (void)cut;
        }
        close(shadow);
    }
    pthread_mutex_unlock(&lock);
}

static int open_watched(const char *real_name, const char *path, int flags, mode_t mode) {
    const char *name = watched(path);
    if (name && (flags & O_ACCMODE) != O_RDONLY && exists("VOLATILE_DISK_FROZEN")) {
        errno = EROFS;
        return -1;
    }
    int fd = REAL(real_name, int (*)(const char *, int, ...))(path, flags, mode);
    if (fd >= 0 && fd < MAX_FDS) {
        file_of_fd[fd] = 0;
        if (name && !(flags & O_DIRECTORY)) watch(fd, name);
    }
    return fd;
}

static mode_t mode_of(int flags, va_list more) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = mode_of(flags, more);
    va_end(more);
    return open_watched("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = mode_of(flags, more);
    va_end(more);
    return open_watched("open64", path, flags, mode);
}

static ssize_t write_watched(const char *real_name, int fd, const void *bytes, size_t count, off_t at) {
    if (file_of(fd) && exists("VOLATILE_DISK_FULL")) {
        errno = ENOSPC;
        return -1;
    }
    ssize_t written = REAL(real_name, ssize_t (*)(int, const void *, size_t, off_t))(fd, bytes, count, at);
    if (written > 0) note(fd, at, at + written);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    return write_watched("pwrite", fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    return write_watched("pwrite64", fd, bytes, count, at);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    off_t at = file_of(fd) ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t written = REAL("write", ssize_t (*)(int, const void *, size_t))(fd, bytes, count);
    if (written > 0 && file_of(fd)) note(fd, at, at + written);
    return written;
}



int close(int fd) {
    if (fd >= 0 && fd < MAX_FDS) file_of_fd[fd] = 0;
    return REAL("close", int (*)(int))(fd);
}

int fsync(int fd) {
    int done = REAL("fsync", int (*)(int))(fd);
    if (done == 0) make_durable(fd);
    return done;
}

int fdatasync(int fd) {
    int done = REAL("fdatasync", int (*)(int))(fd);
    if (done == 0) make_durable(fd);
    return done;
}

int unlink(const char *path) {
    int done = REAL("unlink", int (*)(const char *))(path);
    const char *name = watched(path);
    if (done == 0 && name) {
        char shadow[4096];
        shadow_path(shadow, sizeof shadow, name);
        REAL("unlink", int (*)(const char *))(shadow);
    }
    return done;
}
