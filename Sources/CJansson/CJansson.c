// The library itself is Debian's; this file gives the package manager something to compile.
#include "CJansson.h"
