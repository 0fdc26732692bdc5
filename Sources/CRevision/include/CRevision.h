#ifndef CREVISION_H
#define CREVISION_H

/// The revision of the sources, which Package.swift passes from Git: a commit's id, with `+` if files differ from it. Empty if it is not known.
const char *CRevision_text(void);

#endif
