#include "ledger/store_source.h"

#include "libattest/transparency/tile.h"

namespace attest::ledger {

Result<std::optional<Bytes>> StoreSource::read(const std::string& path) {
  TRY(const auto tile, transparency::parse_tile_path(path));
  if (!tile.entries) {
    TRY(auto hashes, store_->tile(tile.level, tile.index));
    if (hashes && hashes->size() > tile.width * sizeof(Sha256))
      hashes->resize(tile.width * sizeof(Sha256));
    return hashes;
  }
  const auto entries = store_->entries(tile.index * tile_width, tile.width);
  if (!entries && entries.error().rule == rules::store_damaged) return std::optional<Bytes>{};
  if (!entries) return fail(entries.error());
  TRY(Bytes bundle, transparency::format_bundle(*entries));
  return bundle;
}

}  // namespace attest::ledger
