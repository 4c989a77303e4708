// The source that makes CMake compile the precompiled header: catch_main.cpp cannot use it, since
// it includes Catch2 in another form.
#include "tests/support/catch.h"
