#ifndef CSPAWN_SHIM_H
#define CSPAWN_SHIM_H

// GNU functions that Swift's Glibc module leaves out. Imported by ChildProcesses alone.

#include <spawn.h>

int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
int pipe2(int ends[2], int flags);

#endif
