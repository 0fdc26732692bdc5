#include "CRevision.h"

#ifndef CREVISION
#define CREVISION ""
#endif

const char *CRevision_text(void) {
    return CREVISION;
}
