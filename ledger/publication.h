// Publication: a log as static files that any web server or CDN can serve, in the layout of C2SP
// tlog-tiles: checkpoint, tile/<L>/<N>[.p/<W>], tile/entries/<N>[.p/<W>].
//
// Tiles and bundles never change once written; only `checkpoint` is replaced, last and atomically.
// So a reader who has a checkpoint finds everything it covers, whenever the writer stops.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ledger/store.h"
#include "libattest/base/file.h"

namespace attest::ledger {

class Publication {
 public:
  Publication(FileSystem& files, Path directory)
      : files_(&files), directory_(std::move(directory)) {}

  const Path& directory() const { return directory_; }

  // write_tiles writes every tile and bundle of the tree of `size` entries that one of `published`
  // entries did not have. Entries are checked against their leaf hashes on the way
  // (rules::store_damaged).
  Status write_tiles(Store& store, std::uint64_t published, std::uint64_t size) const;
  // replace_checkpoint makes `note` the visible checkpoint.
  Status replace_checkpoint(const std::string& note) const;
  // checkpoint gives the visible checkpoint, or nothing before the first.
  Result<std::optional<std::string>> checkpoint() const;

 private:
  Status write_once(const std::string& relative, ByteView content) const;

  FileSystem* files_;
  Path directory_;
};

// export_log writes the published log anew into `target`, for another web server or a mirror.
Status export_log(Store& store, const std::string& checkpoint_note, std::uint64_t size,
                  FileSystem& files, const Path& target);

}  // namespace attest::ledger
