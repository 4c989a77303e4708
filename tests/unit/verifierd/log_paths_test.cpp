#include "ledger/witness_service.h"
#include "tests/support/catch.h"

using namespace attest;

TEST_CASE("only names in the form of tlog-tiles reach the file system") {
  for (const char* path : {"0/000", "63/000", "0/x001/x234/067", "0/x001/067.p/1", "entries/000",
                           "entries/x001/000.p/255", "1/000.p/12"}) {
    INFO(path);
    REQUIRE(ledger::is_tile_path(path));
  }
  for (const char* path :
       {"",           "0",           "64/000",    "00/000",
        "0/0",        "0/0000",      "0/x01/000", "0/001/000",
        "0/x001",     "0/000.p",     "0/000.p/0", "0/000.p/256",
        "0/000.p/01", "0/000.p/1/2", "0/.p/1",    "data/000",
        "../000",     "0/../000",    "entries",   "0/x001/x002/x003/x004/x005/x006/x007/008"}) {
    INFO(path);
    REQUIRE_FALSE(ledger::is_tile_path(path));
  }
}
