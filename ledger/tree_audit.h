// TreeAudit: recomputes a tree from its entries and compares every tile on the way. The part of an
// audit that a published log and a database share.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "ledger/audit.h"
#include "libattest/transparency/tile.h"
#include "libattest/transparency/tree.h"

namespace attest::ledger {

// ExpectedTree is what the signature, or the database's head, says.
struct ExpectedTree {
  std::uint64_t size;
  Sha256 root;
  std::string said_in;  // "checkpoint" or "log": for findings
};

class TreeAudit {
 public:
  // Visit is told of each entry that is there, in order, with the hash of its leaf.
  using Visit = std::function<void(std::uint64_t index, ByteView entry, const Sha256& leaf)>;

  TreeAudit(TileSource& source, ExpectedTree expected, AuditReport& report,
            std::size_t max_findings)
      : source_(&source), expected_(expected), report_(&report), max_findings_(max_findings) {}

  Status run(const Visit& visit, const std::function<void(std::uint64_t)>& progress);
  void found(Finding finding);

 private:
  // Leaves are the hashes that the rest of the tree is built on: those most likely right.
  struct Content {
    Bytes file;
    std::vector<ByteView> entries;  // views of `file`
    bool sound = false;
  };
  Result<std::optional<Bytes>> read_tile(const transparency::Tile& tile, std::string& path);
  Result<Content> read_bundle(std::uint64_t number, unsigned width);
  Result<std::vector<Sha256>> read_hashes(const transparency::Tile& tile);
  Result<std::vector<Sha256>> judge(std::uint64_t number, const Content& bundle,
                                    const std::vector<Sha256>& tile);
  Result<bool> believed(std::uint64_t number, const std::vector<Sha256>& leaves);
  void blame(std::uint64_t number, const Content& bundle, const std::vector<Sha256>& computed,
             const std::vector<Sha256>& tile, bool entry_is_wrong, bool tile_is_wrong);
  Status take(const std::vector<Sha256>& leaves);
  Status compare_tile(unsigned level, std::uint64_t number, const std::vector<Sha256>& hashes);
  void compare_root();

  TileSource* source_;
  ExpectedTree expected_;
  AuditReport* report_;
  std::size_t max_findings_;
  transparency::CompactRange range_;
  std::map<unsigned, std::vector<Sha256>> open_;  // hashes of each level's last tile
  bool doubtful_ = false;                         // leaves of unclear origin were built on
};

}  // namespace attest::ledger
