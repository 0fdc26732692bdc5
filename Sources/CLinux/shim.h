#ifndef CLINUX_SHIM_H
#define CLINUX_SHIM_H

// Doors to what Swift's Glibc module leaves out. Imported by Confinement alone.

#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

/// A non-blocking, close-on-exec eventfd, or -1 with errno set.
static inline int CLinux_eventfd(void) {
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

/// Names the calling thread; the kernel keeps the first 15 bytes.
static inline void CLinux_set_thread_name(const char *name) {
    prctl(PR_SET_NAME, name, 0, 0, 0);
}

/// Whether the process may be dumped, and traced by its own user. 0, or -1 with errno set.
static inline int CLinux_set_dumpable(int is_dumpable) {
    return prctl(PR_SET_DUMPABLE, is_dumpable, 0, 0, 0);
}

/// From now on no program that this process starts has more rights than it has. 0, or -1 with errno set.
static inline int CLinux_set_no_new_privileges(void) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

#endif
