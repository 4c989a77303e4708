#include "libattest/base/text.h"

#include "tests/support/catch.h"

using namespace attest;

TEST_CASE("only well-formed UTF-8 is UTF-8") {
  REQUIRE(is_utf8("plain, ü, €, 😀"));
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3"})
    REQUIRE_FALSE(is_utf8(bad));
}

TEST_CASE("untrusted text cannot move the cursor") {
  REQUIRE(printable("a\x1b[2Jb\xff") == "a\\x1b[2Jb\\xff");
  REQUIRE(printable("abcdef", 3) == "abc…");
}

TEST_CASE("a star in a pattern stands for any run, and nothing else is special") {
  REQUIRE(matches_glob("*", ""));
  REQUIRE(matches_glob("node:rack7-*", "node:rack7-n03"));
  REQUIRE_FALSE(matches_glob("node:rack7-*", "node:rack8-n03"));
  REQUIRE_FALSE(matches_glob("a.c", "abc"));
  REQUIRE(matches_glob("a*b*c", "aXbYbZc"));
}

TEST_CASE("a misspelt word finds its neighbour") {
  REQUIRE(nearest("witneses", {"log", "witnesses"}) == "witnesses");
  REQUIRE(nearest("zzz", {"log", "witnesses"}).empty());
}

TEST_CASE("large numbers are grouped") {
  REQUIRE(with_thousands(0) == "0");
  REQUIRE(with_thousands(1204224) == "1,204,224");
}
