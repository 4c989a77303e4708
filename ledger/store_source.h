// StoreSource shows a store as the files it would publish, unchecked. It borrows the store.
#pragma once

#include "ledger/audit.h"
#include "ledger/store.h"

namespace attest::ledger {

class StoreSource final : public TileSource {
 public:
  explicit StoreSource(Store& store) : store_(&store) {}
  Result<std::optional<Bytes>> read(const std::string& path) override;

 private:
  Store* store_;
};

}  // namespace attest::ledger
