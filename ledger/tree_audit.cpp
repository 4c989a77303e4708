#include "ledger/tree_audit.h"

#include <algorithm>

#include "libattest/base/text.h"

namespace attest::ledger {

namespace {

using transparency::Tile;

constexpr std::size_t hash_size = sizeof(Sha256);

// first_bad_byte walks a bundle that did not parse to where its form breaks.
std::uint64_t first_bad_byte(ByteView bundle, unsigned width) {
  std::size_t at = 0;
  for (unsigned entry = 0; entry < width; ++entry) {
    if (bundle.size() - at < 2) return at;
    const std::size_t length =
        static_cast<std::size_t>(bundle[at]) << 8 | static_cast<std::size_t>(bundle[at + 1]);
    if (bundle.size() - at - 2 < length) return at;
    at += 2 + length;
  }
  return at;
}

std::uint64_t first_difference(const Sha256& a, const Sha256& b) {
  return static_cast<std::uint64_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

std::string bytes_instead_of(std::uint64_t found, std::uint64_t expected) {
  return "it has " + with_thousands(found) + " bytes instead of " + with_thousands(expected);
}

}  // namespace

void TreeAudit::found(Finding finding) {
  if (report_->findings.empty()) report_->verdict = finding.verdict;
  if (report_->findings.size() < max_findings_) report_->findings.push_back(std::move(finding));
}

// A partial tile may be gone once the full one is there (C2SP tlog-tiles): its head is the same.
Result<std::optional<Bytes>> TreeAudit::read_tile(const Tile& tile, std::string& path) {
  path = transparency::tile_path(tile);
  TRY(auto content, source_->read(path));
  if (content || tile.width == tile_width) return content;
  Tile full = tile;
  full.width = tile_width;
  const std::string full_path = transparency::tile_path(full);
  TRY(auto whole, source_->read(full_path));
  if (!whole) return std::optional<Bytes>{};
  path = full_path;
  std::size_t keep = tile.width * hash_size;
  if (tile.entries) keep = static_cast<std::size_t>(first_bad_byte(*whole, tile.width));
  whole->resize(std::min(whole->size(), keep));
  return whole;
}

Result<TreeAudit::Content> TreeAudit::read_bundle(std::uint64_t number, unsigned width) {
  std::string path;
  TRY(auto file, read_tile({0, number, width, true}, path));
  const std::uint64_t first = number * tile_width;
  Content content;
  if (!file) {
    found(
        {Verdict::missing,
         path,
         {},
         first,
         "the entries from here on are missing: storage was lost, or restored from an older copy"});
    return content;
  }
  content.file = *std::move(file);
  auto entries = transparency::parse_bundle(content.file, width);
  if (entries) {
    content.entries = *std::move(entries);
    content.sound = true;
    return content;
  }
  found({Verdict::corrupt, path, first_bad_byte(content.file, width), first,
         content.file.empty() ? "the file is empty: a write was cut short, as by a power cut"
                              : "the file does not hold " + std::to_string(width) +
                                    " entries: it was torn or altered"});
  return content;
}

Result<std::vector<Sha256>> TreeAudit::read_hashes(const Tile& tile) {
  std::string path;
  TRY(const auto file, read_tile(tile, path));
  std::optional<std::uint64_t> entry;
  if (tile.level == 0) entry = tile.index * tile_width;
  if (!file) {
    found({Verdict::missing,
           path,
           {},
           entry,
           "the tile is missing: storage was lost, or restored from an older copy"});
    return std::vector<Sha256>{};
  }
  ++report_->tiles;
  auto hashes = transparency::parse_tile(*file, tile.width);
  if (hashes) return hashes;
  found({Verdict::corrupt, path, std::min<std::uint64_t>(file->size(), tile.width * hash_size),
         entry, "the tile is torn: " + bytes_instead_of(file->size(), tile.width * hash_size)});
  return std::vector<Sha256>{};
}

// believed says whether leaves agree with what stands above them: for a full tile the hash in the
// level above, for the last one the signed root.
Result<bool> TreeAudit::believed(std::uint64_t number, const std::vector<Sha256>& leaves) {
  if (leaves.size() < tile_width) {
    transparency::CompactRange range = range_;
    for (const Sha256& leaf : leaves) range.append(leaf);
    return range.root() == expected_.root;
  }
  const Tile above{1, number / tile_width,
                   transparency::width_in_tree(1, number / tile_width, expected_.size), false};
  std::string path;
  TRY(const auto file, read_tile(above, path));
  const auto at = static_cast<std::size_t>(number % tile_width) * hash_size;
  if (!file || file->size() < at + hash_size) return false;
  return equal(ByteView(*file).subspan(at, hash_size), transparency::root_of(leaves));
}

void TreeAudit::blame(std::uint64_t number, const Content& bundle,
                      const std::vector<Sha256>& computed, const std::vector<Sha256>& tile,
                      bool entry_is_wrong, bool tile_is_wrong) {
  for (std::size_t i = 0; i < computed.size(); ++i) {
    if (computed[i] == tile[i]) continue;
    const std::uint64_t index = number * tile_width + i;
    const auto width = static_cast<unsigned>(computed.size());
    if (tile_is_wrong && !entry_is_wrong) {
      found({Verdict::corrupt, transparency::tile_path({0, number, width, false}),
             i * hash_size + first_difference(computed[i], tile[i]), index,
             "the tile's hash was altered: it is not that of the entry, and the level above agrees "
             "with the entry"});
      continue;
    }
    const auto at = static_cast<std::uint64_t>(bundle.entries[i].data() - bundle.file.data());
    found({Verdict::corrupt, transparency::tile_path({0, number, width, true}), at, index,
           entry_is_wrong
               ? "the entry was altered after it entered the log: it does not hash to its "
                 "leaf in the tree"
               : "the entry and its leaf in the tree differ; which of them was altered "
                 "cannot be told"});
  }
}

// judge gives the leaf hashes to build on, and reports where entries and tile disagree.
Result<std::vector<Sha256>> TreeAudit::judge(std::uint64_t number, const Content& bundle,
                                             const std::vector<Sha256>& tile) {
  if (!bundle.sound) return tile;
  std::vector<Sha256> computed;
  computed.reserve(bundle.entries.size());
  for (const ByteView entry : bundle.entries) computed.push_back(transparency::leaf_hash(entry));
  report_->entries += computed.size();
  if (tile.empty() || tile == computed) return computed;
  TRY(const bool tile_is_right, believed(number, tile));
  TRY(const bool entries_are_right, believed(number, computed));
  blame(number, bundle, computed, tile, tile_is_right, entries_are_right);
  if (!tile_is_right && !entries_are_right) doubtful_ = true;
  return tile_is_right ? tile : computed;
}

Status TreeAudit::compare_tile(unsigned level, std::uint64_t number,
                               const std::vector<Sha256>& hashes) {
  const Tile tile{level, number, static_cast<unsigned>(hashes.size()), false};
  TRY(const auto stored, read_hashes(tile));
  for (std::size_t i = 0; i < stored.size(); ++i) {
    if (stored[i] == hashes[i]) continue;
    found({Verdict::corrupt,
           transparency::tile_path(tile),
           i * hash_size + first_difference(hashes[i], stored[i]),
           {},
           "the tile's hash is not that of the tree below it: the tile was altered"});
    break;
  }
  return {};
}

Status TreeAudit::take(const std::vector<Sha256>& leaves) {
  Status compared;
  for (const Sha256& leaf : leaves)
    range_.append(leaf, [&](unsigned height, std::uint64_t index, const Sha256& hash) {
      // The leaf tiles were compared with the entries already.
      if (height == 0 || height % transparency::tile_height != 0) return;
      const unsigned level = height / transparency::tile_height;
      std::vector<Sha256>& tile = open_[level];
      tile.push_back(hash);
      if (tile.size() < tile_width) return;
      if (compared) compared = compare_tile(level, index / tile_width, tile);
      tile.clear();
    });
  return compared;
}

void TreeAudit::compare_root() {
  if (doubtful_ || range_.root() == expected_.root) return;
  const bool sound = report_->findings.empty();
  found({sound ? Verdict::equivocation : Verdict::corrupt,
         expected_.said_in,
         {},
         {},
         sound
             ? "entries and tiles agree with each other, and give another root than is signed: the "
               "log has signed two histories of one size"
             : "the root over what is there is not the signed one"});
}

Status TreeAudit::run(const Visit& visit, const std::function<void(std::uint64_t)>& progress) {
  for (std::uint64_t number = 0; number * tile_width < expected_.size; ++number) {
    const unsigned width = transparency::width_in_tree(0, number, expected_.size);
    TRY(const Content bundle, read_bundle(number, width));
    TRY(const auto tile, read_hashes({0, number, width, false}));
    TRY(const auto leaves, judge(number, bundle, tile));
    if (leaves.empty()) {
      report_->not_checked.push_back("anything from entry " + std::to_string(number * tile_width) +
                                     " on: neither its bundle nor its tile can be read");
      return {};
    }
    for (std::size_t i = 0; i < bundle.entries.size(); ++i)
      visit(number * tile_width + i, bundle.entries[i], leaves[i]);
    TRY_VOID(take(leaves));
    if (progress) progress(number * tile_width + width);
  }
  for (const auto& [level, hashes] : open_)
    if (!hashes.empty())
      TRY_VOID(compare_tile(level, transparency::tile_hashes(level, expected_.size) / tile_width,
                            hashes));
  compare_root();
  return {};
}

}  // namespace attest::ledger
