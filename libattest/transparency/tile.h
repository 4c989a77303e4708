// Tiles and entry bundles (C2SP tlog-tiles): a tree as static files.
//
//   tile/<L>/<N>[.p/<W>]        W hashes (256 when full) of full subtrees at level 8·L, from
//                               index 256·N on; 32 bytes each
//   tile/entries/<N>[.p/<W>]    W entries from index 256·N on, each u16 big-endian length ‖ bytes
//
// L is 0 to 63 in decimal. N is written in groups of three digits, all but the last with an x in
// front: 1234067 is x001/x234/067. W is 1 to 255. The width of the last tile of level L in a tree
// of a size is floor(size / 256^L) mod 256; a tile of width 0 does not exist.
//
// Pure functions.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/transparency/tree.h"

namespace attest::transparency {

inline constexpr unsigned tile_height = 8;
inline constexpr unsigned tile_width = 256;
inline constexpr std::size_t max_entry_size = 65535;

// Tile names one file. For an entry bundle `entries` is true and level is 0.
struct Tile {
  unsigned level = 0;
  std::uint64_t index = 0;
  unsigned width = tile_width;  // 1 to 256
  bool entries = false;
  friend bool operator==(const Tile&, const Tile&) = default;
};

std::string tile_path(const Tile& tile);
// parse_tile_path reads exactly what tile_path writes.
Result<Tile> parse_tile_path(std::string_view path);

// tile_hashes gives how many subtrees of tile level `level` a tree has: floor(size / 256^level).
std::uint64_t tile_hashes(unsigned level, std::uint64_t size);
// width_in_tree gives the width that tile (level, index) has in a tree of `size`; 0 when it is not
// there.
unsigned width_in_tree(unsigned level, std::uint64_t index, std::uint64_t size);
// tiles_of_tree gives every tile of a tree of `size`, level by level; with bundles where asked.
std::vector<Tile> tiles_of_tree(std::uint64_t size, bool bundles);
// new_tiles gives the tiles of a tree of `new_size` that differ from those of `old_size`: what a
// log writes before it publishes.
std::vector<Tile> new_tiles(std::uint64_t old_size, std::uint64_t new_size, bool bundles);

// Tile content. parse_… refuse any other number of elements than `width` and trailing bytes.
Bytes format_tile(std::span<const Hash> hashes);
Result<std::vector<Hash>> parse_tile(ByteView content, unsigned width);
Result<Bytes> format_bundle(std::span<const Bytes> entries);
// parse_bundle gives views of `content`.
Result<std::vector<ByteView>> parse_bundle(ByteView content, unsigned width);

// subtree_in_tile computes the full subtree `height` levels (0 to 8) above the tile's hashes, the
// `index`-th of them.
Result<Hash> subtree_in_tile(std::span<const Hash> hashes, unsigned height, std::uint64_t index);

// TileSource fetches a tile's content: from files, a server or a database.
using TileSource = std::function<Result<Bytes>(const Tile& tile)>;
// node_reader reads full subtrees of a tree of `size` out of tiles; it keeps the tiles it fetched.
// Tiles are believed: check what comes out against a verified checkpoint.
NodeReader node_reader(std::uint64_t size, TileSource source);

}  // namespace attest::transparency

namespace attest::rules {
inline constexpr Rule tile_path_form{"transparency.tile.path"};
inline constexpr Rule tile_content{"transparency.tile.content"};
inline constexpr Rule tile_missing{"transparency.tile.missing"};
inline constexpr Rule entry_bundle_form{"transparency.entry-bundle.form"};
}  // namespace attest::rules
