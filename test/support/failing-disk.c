// Preloaded into a server (LD_PRELOAD) by failing-disk.ts: writes and syncs of a file fail while the control file says so.
// The control file, named by HOOKLANE_TEST_DISK, holds what the name of the file contains, what fails, and the error's
// number: `/log.db sync 5`. `write`: nothing is written; `torn`: half of it is; `sync`: it is written and not synced.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/** The error that `call` on the file open as `fd` is to fail with; 0: none. */
static int fault(int fd, const char *call) {
  const char *control = getenv("HOOKLANE_TEST_DISK");
  if (control == NULL || access(control, R_OK) != 0) return 0;
  FILE *file = fopen(control, "r");
  if (file == NULL) return 0;
  char name[64], what[16];
  int error = 0;
  int found = fscanf(file, "%63s %15s %d", name, what, &error);
  fclose(file);
  if (found != 3 || strcmp(what, call) != 0) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return strstr(path, name) == NULL ? 0 : error;
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__) = NULL; \
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, name);

#define FAILING_WRITE(name, offset_type) \
  ssize_t name(int fd, const void *bytes, size_t count, offset_type offset) { \
    REAL(ssize_t, #name, int, const void *, size_t, offset_type) \
    int error = fault(fd, "write"); \
    if (error == 0) error = fault(fd, "torn"); \
    if (error == 0) return real(fd, bytes, count, offset); \
    if (fault(fd, "torn") != 0) real(fd, bytes, count / 2, offset); \
    errno = error; \
    return -1; \
  }

#define FAILING_SYNC(name) \
  int name(int fd) { \
    REAL(int, #name, int) \
    int error = fault(fd, "sync"); \
    if (error == 0) return real(fd); \
    errno = error; \
    return -1; \
  }

FAILING_WRITE(pwrite, off_t)
FAILING_WRITE(pwrite64, off64_t)
FAILING_SYNC(fsync)
FAILING_SYNC(fdatasync)
