// A client of the installed library: the root of a log of two entries (RFC 6962), and a parser that
// refuses what is no certificate.
#include <iostream>

#include "libattest/crypto/certificate.h"
#include "libattest/transparency/tree.h"

int main() {
  using namespace attest;
  transparency::CompactRange log;
  log.append(transparency::leaf_hash(as_bytes("first")));
  log.append(transparency::leaf_hash(as_bytes("second")));
  std::cout << to_hex(log.root()) << '\n';
  return Certificate::from_pem("none") ? 1 : 0;
}
