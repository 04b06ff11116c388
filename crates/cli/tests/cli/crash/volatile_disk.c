/* A disk that forgets what was not synced, for tests: preloaded into the gateway, it keeps a shadow of the store's folder that
 * holds only what a sync has made durable. After a kill -9 the test puts the shadow in place of the folder's files.
 *
 * It is as forgetful as POSIX allows. The bytes and the length of a file become durable when that file is synced, its name when
 * the folder is: a file that was made and synced is lost with its name, one that was deleted comes back. What a process
 * writes in any way that is not followed here (through shared memory, say) ends it, so that no test is silently blind.
 *
 * Environment, all of it required:
 *   VOLATILE_DISK_DIR      the folder; what lies directly in it is followed. *-shm and *.lock have no shadow: no crash needs them
 *   VOLATILE_DISK_SHADOW   where the shadow is, with what is durable at the start: each file below its name, and below
 *                          .inodes/ under the number of its inode in the folder, both of them links to one file
 *   VOLATILE_DISK_DEAF     files whose name ends so are never made durable, as if their sync had been forgotten; may be empty
 *   VOLATILE_DISK_FULL     while this file exists, nothing can be written: there is no space
 *   VOLATILE_DISK_FROZEN   while this file exists, nothing can be written or opened for it: the disk is read-only
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FDS 65536
#define MAX_FILES 256

/* What a descriptor is, if it is not the number of a file below. */
enum { ELSEWHERE = 0, FOLDER = -1, WITHOUT_SHADOW = -2 };

struct range {
    off_t from, to;
};

/* A file of the folder, and what was written to it since it was last synced. */
struct file {
    ino_t inode;
    int is_deleted;
    struct range *dirty;
    size_t count, room;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file files[MAX_FILES]; /* the first `known` of them, numbered from 1; guarded by `lock` */
static int known;
static atomic_int what_is[MAX_FDS];

static const char *folder, *shadow, *deaf, *full, *frozen;

static struct {
    int (*open)(const char *, int, ...);
    int (*open64)(const char *, int, ...);
    int (*openat)(int, const char *, int, ...);
    int (*openat64)(int, const char *, int, ...);
    int (*close)(int);
    int (*unlink)(const char *);
    int (*fsync)(int);
    int (*fdatasync)(int);
    int (*ftruncate)(int, off_t);
    int (*ftruncate64)(int, off64_t);
    int (*posix_fallocate)(int, off_t, off_t);
    ssize_t (*write)(int, const void *, size_t);
    ssize_t (*writev)(int, const struct iovec *, int);
    ssize_t (*pwrite)(int, const void *, size_t, off_t);
    ssize_t (*pwrite64)(int, const void *, size_t, off64_t);
    void *(*mmap)(void *, size_t, int, int, int, off_t);
    void *(*mmap64)(void *, size_t, int, int, int, off64_t);
} real;

/* Ends the process: a test that goes on without its disk proves nothing. */
static void give_up(const char *why) {
    fprintf(stderr, "volatile disk: %s: %s\n", why, strerror(errno));
    abort();
}

static const char *setting(const char *name) {
    const char *value = getenv(name);
    if (!value) give_up(name);
    return value;
}

static void find(void) {
    folder = setting("VOLATILE_DISK_DIR");
    shadow = setting("VOLATILE_DISK_SHADOW");
    deaf = setting("VOLATILE_DISK_DEAF");
    full = setting("VOLATILE_DISK_FULL");
    frozen = setting("VOLATILE_DISK_FROZEN");
#define FIND(name) real.name = dlsym(RTLD_NEXT, #name)
    FIND(open), FIND(open64), FIND(openat), FIND(openat64), FIND(close), FIND(unlink);
    FIND(fsync), FIND(fdatasync), FIND(ftruncate), FIND(ftruncate64), FIND(posix_fallocate);
    FIND(write), FIND(writev), FIND(pwrite), FIND(pwrite64), FIND(mmap), FIND(mmap64);
}

static void ready(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find);
}

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return end_length > 0 && length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static int has_no_shadow(const char *name) {
    return ends_with(name, "-shm") || ends_with(name, ".lock");
}

static int is_folder(const struct stat *found) {
    struct stat ours;
    return stat(folder, &ours) == 0 && found->st_dev == ours.st_dev && found->st_ino == ours.st_ino;
}

/* Where the name of a file in the folder begins in a path, or NULL when the path leads elsewhere. */
static const char *name_in_folder(int at, const char *path) {
    char parent[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash) snprintf(parent, sizeof parent, "%.*s", (int)(slash - path) + 1, path);
    struct stat found;
    if (fstatat(at, parent, &found, 0) != 0 || !is_folder(&found)) return NULL;
    return slash ? slash + 1 : path;
}

/* Why nothing can be written now, or 0. */
static int refusal(void) {
    if (access(frozen, F_OK) == 0) return EROFS;
    return access(full, F_OK) == 0 ? ENOSPC : 0;
}

static int kind_of(int fd) {
    return fd >= 0 && fd < MAX_FDS ? atomic_load(&what_is[fd]) : ELSEWHERE;
}

static void set_kind(int fd, int kind) {
    if (fd >= 0 && fd < MAX_FDS) atomic_store(&what_is[fd], kind);
    else if (kind != ELSEWHERE) give_up("a descriptor is too high");
}

static void inode_path(char path[PATH_MAX], ino_t inode) {
    snprintf(path, PATH_MAX, "%s/.inodes/%llu", shadow, (unsigned long long)inode);
}

/* The inode is somebody else's from now on; what is durable of it stays under its old name. Needs the lock. */
static void forget_inode(ino_t inode) {
    char path[PATH_MAX];
    inode_path(path, inode);
    real.unlink(path);
    for (int i = 0; i < known; i++) {
        if (files[i].inode == inode) files[i].is_deleted = 1;
    }
}

static int number_of(ino_t inode) {
    for (int i = 0; i < known; i++) {
        if (files[i].inode == inode && !files[i].is_deleted) return i + 1;
    }
    if (known == MAX_FILES) give_up("there are too many files");
    files[known++] = (struct file){.inode = inode};
    return known;
}

static void follow(int fd, int is_new) {
    struct stat now;
    if (fstat(fd, &now) != 0) give_up("a file that was opened cannot be looked at");
    pthread_mutex_lock(&lock);
    if (is_new) forget_inode(now.st_ino);
    set_kind(fd, number_of(now.st_ino));
    pthread_mutex_unlock(&lock);
}

/* Notes what becomes durable with the next sync: what these bytes then are, or that they are no longer there. */
static void note(int fd, off_t from, off_t to) {
    if (kind_of(fd) <= 0 || from >= to) return;
    pthread_mutex_lock(&lock);
    struct file *file = &files[kind_of(fd) - 1];
    struct range *last = file->count ? &file->dirty[file->count - 1] : NULL;
    if (last && last->to == from) {
        last->to = to;
    } else {
        if (file->count == file->room) {
            file->room = file->room ? 2 * file->room : 64;
            file->dirty = realloc(file->dirty, file->room * sizeof(struct range));
            if (!file->dirty) give_up("there is no memory");
        }
        file->dirty[file->count++] = (struct range){from, to};
    }
    pthread_mutex_unlock(&lock);
}

static void copy(int from, int to, struct range range) {
    char buffer[65536];
    while (range.from < range.to) {
        size_t left = (size_t)(range.to - range.from);
        ssize_t got = pread(from, buffer, left < sizeof buffer ? left : sizeof buffer, range.from);
        if (got < 0) give_up("a file cannot be read");
        if (got == 0) return;
        if (real.pwrite(to, buffer, (size_t)got, range.from) != got) give_up("a shadow cannot be written");
        range.from += got;
    }
}

/* The descriptor itself where it can be read. A file that SQLite has locked must not be opened a second time: closing any
 * descriptor of a file gives back all the locks that the process has on it. SQLite never opens one for writing only. */
static int readable(int fd) {
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY) return fd;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = real.open(path, O_RDONLY | O_CLOEXEC);
    if (again < 0) give_up("a file cannot be opened again");
    return again;
}

static int is_heard(ino_t inode) {
    if (!*deaf) return 1;
    char path[PATH_MAX];
    struct stat found;
    DIR *names = opendir(folder);
    int heard = 1;
    for (struct dirent *name; names && (name = readdir(names));) {
        snprintf(path, sizeof path, "%s/%s", folder, name->d_name);
        if (ends_with(name->d_name, deaf) && stat(path, &found) == 0 && found.st_ino == inode) heard = 0;
    }
    if (names) closedir(names);
    return heard;
}

/* Copies what was written to a file since its last sync, through whichever descriptor, into its shadow. */
static void make_file_durable(int fd) {
    pthread_mutex_lock(&lock);
    struct file *file = &files[kind_of(fd) - 1];
    if (!file->is_deleted && is_heard(file->inode)) {
        char path[PATH_MAX];
        inode_path(path, file->inode);
        int to = real.open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (to < 0) give_up(path);
        int from = readable(fd);
        for (size_t i = 0; i < file->count; i++) copy(from, to, file->dirty[i]);
        if (from != fd) real.close(from);
        file->count = 0;
        struct stat now;
        if (fstat(fd, &now) != 0 || real.ftruncate(to, now.st_size) != 0) give_up("a shadow cannot be given its length");
        real.close(to);
    }
    pthread_mutex_unlock(&lock);
}

static void make_name_durable(const char *name) {
    char path[PATH_MAX], content[PATH_MAX], target[PATH_MAX], draft[PATH_MAX];
    struct stat found, durable, named;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (has_no_shadow(name) || stat(path, &found) != 0 || !S_ISREG(found.st_mode)) return;
    inode_path(content, found.st_ino);
    int made = real.open(content, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (made < 0 || fstat(made, &durable) != 0) give_up(content);
    real.close(made);
    snprintf(target, sizeof target, "%s/%s", shadow, name);
    if (stat(target, &named) == 0 && named.st_ino == durable.st_ino) return;
    snprintf(draft, sizeof draft, "%s/.inodes/draft", shadow);
    real.unlink(draft);
    if (link(content, draft) != 0 || rename(draft, target) != 0) give_up(target);
}

/* Gives the shadow the names that the folder has. */
static void make_names_durable(void) {
    char path[PATH_MAX];
    struct dirent *name;
    pthread_mutex_lock(&lock);
    DIR *durable = opendir(shadow), *now = opendir(folder);
    if (!durable || !now) give_up("a folder cannot be read");
    while ((name = readdir(durable))) {
        snprintf(path, sizeof path, "%s/%s", folder, name->d_name);
        if (name->d_name[0] == '.' || access(path, F_OK) == 0) continue;
        snprintf(path, sizeof path, "%s/%s", shadow, name->d_name);
        real.unlink(path);
    }
    while ((name = readdir(now))) make_name_durable(name->d_name);
    closedir(durable);
    closedir(now);
    pthread_mutex_unlock(&lock);
}

static int synced(int fd, int result) {
    if (result == 0 && kind_of(fd) == FOLDER) make_names_durable();
    else if (result == 0 && kind_of(fd) > 0) make_file_durable(fd);
    return result;
}

/* What an open is about to do, looked at before it is done. */
struct opening {
    const char *name;
    int is_new, refused;
    off_t length;
};

static struct opening before_open(int at, const char *path, int flags) {
    struct opening opening = {.name = name_in_folder(at, path)};
    struct stat found;
    if (!opening.name) return opening;
    opening.is_new = fstatat(at, path, &found, 0) != 0;
    opening.length = opening.is_new ? 0 : found.st_size;
    int writes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));
    opening.refused = writes && access(frozen, F_OK) == 0 ? EROFS : 0;
    return opening;
}

static int after_open(int fd, struct opening opening, int flags) {
    if (fd < 0) return fd;
    struct stat found;
    set_kind(fd, ELSEWHERE);
    if (opening.name && *opening.name && has_no_shadow(opening.name)) {
        set_kind(fd, WITHOUT_SHADOW);
    } else if (fstat(fd, &found) == 0 && S_ISDIR(found.st_mode)) {
        if (is_folder(&found)) set_kind(fd, FOLDER);
    } else if (opening.name && S_ISREG(found.st_mode)) {
        follow(fd, opening.is_new);
        if (flags & O_TRUNC) note(fd, 0, opening.length);
    }
    return fd;
}

#define OPEN(at, path, flags, call)                                \
    ready();                                                       \
    mode_t mode = 0;                                               \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                         \
        va_list more;                                              \
        va_start(more, flags);                                     \
        mode = va_arg(more, mode_t);                               \
        va_end(more);                                              \
    }                                                              \
    struct opening opening = before_open(at, path, flags);         \
    if (opening.refused) return errno = opening.refused, -1;       \
    return after_open(call, opening, flags)

int open(const char *path, int flags, ...) { OPEN(AT_FDCWD, path, flags, real.open(path, flags, mode)); }

int open64(const char *path, int flags, ...) { OPEN(AT_FDCWD, path, flags, real.open64(path, flags, mode)); }

int openat(int at, const char *path, int flags, ...) { OPEN(at, path, flags, real.openat(at, path, flags, mode)); }

int openat64(int at, const char *path, int flags, ...) { OPEN(at, path, flags, real.openat64(at, path, flags, mode)); }

int close(int fd) {
    ready();
    /* First, since the number may be another file's as soon as it is closed. */
    set_kind(fd, ELSEWHERE);
    return real.close(fd);
}

int unlink(const char *path) {
    ready();
    const char *name = name_in_folder(AT_FDCWD, path);
    struct stat found;
    int is_there = name && lstat(path, &found) == 0;
    if (is_there && access(frozen, F_OK) == 0) return errno = EROFS, -1;
    int result = real.unlink(path);
    if (result == 0 && is_there && !has_no_shadow(name)) {
        pthread_mutex_lock(&lock);
        forget_inode(found.st_ino);
        pthread_mutex_unlock(&lock);
    }
    return result;
}

int fsync(int fd) {
    ready();
    return synced(fd, real.fsync(fd));
}

int fdatasync(int fd) {
    ready();
    return synced(fd, real.fdatasync(fd));
}

static int is_refused(int fd) {
    int kind = kind_of(fd);
    if (kind <= 0 && kind != WITHOUT_SHADOW) return 0;
    int why = refusal();
    if (why) errno = why;
    return why;
}

static ssize_t written(int fd, ssize_t count, off_t at) {
    if (count > 0) note(fd, at, at + count);
    return count;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    ready();
    if (kind_of(fd) == ELSEWHERE) return real.write(fd, bytes, count);
    if (is_refused(fd)) return -1;
    if (kind_of(fd) > 0 && fcntl(fd, F_GETFL) & O_APPEND) give_up("a file of the folder is appended to");
    off_t at = lseek(fd, 0, SEEK_CUR);
    return written(fd, real.write(fd, bytes, count), at);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    ready();
    return is_refused(fd) ? -1 : written(fd, real.pwrite(fd, bytes, count, at), at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    ready();
    return is_refused(fd) ? -1 : written(fd, real.pwrite64(fd, bytes, count, at), at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    ready();
    if (kind_of(fd) > 0) give_up("a file of the folder is written with writev");
    return real.writev(fd, parts, count);
}

static int resized(int fd, off_t before, off_t after, int result) {
    if (result == 0) note(fd, before < after ? before : after, before < after ? after : before);
    return result;
}

static off_t length_of(int fd) {
    struct stat found;
    return fstat(fd, &found) == 0 ? found.st_size : 0;
}

int ftruncate(int fd, off_t length) {
    ready();
    off_t before = length_of(fd);
    /* Making a file longer takes no space yet, and making it shorter gives some back. */
    if (is_refused(fd) == EROFS) return -1;
    return resized(fd, before, length, real.ftruncate(fd, length));
}

int ftruncate64(int fd, off64_t length) {
    ready();
    off_t before = length_of(fd);
    if (is_refused(fd) == EROFS) return -1;
    return resized(fd, before, length, real.ftruncate64(fd, length));
}

int posix_fallocate(int fd, off_t from, off_t length) {
    ready();
    if (is_refused(fd)) return errno;
    off_t before = length_of(fd);
    int result = real.posix_fallocate(fd, from, length);
    return resized(fd, before, length_of(fd), result);
}

static void refuse_shared_memory(int protection, int flags, int fd) {
    if (kind_of(fd) > 0 && (protection & PROT_WRITE) && (flags & MAP_TYPE) != MAP_PRIVATE) {
        give_up("a file of the folder is written through shared memory");
    }
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t from) {
    ready();
    refuse_shared_memory(protection, flags, fd);
    return real.mmap(address, length, protection, flags, fd, from);
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t from) {
    ready();
    refuse_shared_memory(protection, flags, fd);
    return real.mmap64(address, length, protection, flags, fd, from);
}
