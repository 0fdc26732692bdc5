#ifndef CSQLITE_SHIM_H
#define CSQLITE_SHIM_H

// A door to what Swift cannot call in SQLite: functions with a variable number of arguments. Imported by SQLiteStore alone.

#include <sqlite3.h>

/// From now on SQLite does not count the memory that it uses, which takes a lock for each allocation. Nothing asks for that count. It has to be called
/// before SQLite is used. SQLITE_OK, or SQLITE_MISUSE when it is too late.
static inline int CSQLite_omit_memory_statistics(void) {
    return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

#endif
