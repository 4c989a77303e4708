#include "libattest/transparency/tile.h"

#include <map>

#include "tests/support/catch.h"

using namespace attest;
using namespace attest::transparency;

TEST_CASE("tile paths are those of the specification") {
  REQUIRE(tile_path({0, 1234067, 256, false}) == "tile/0/x001/x234/067");
  REQUIRE(tile_path({2, 0, 1, false}) == "tile/2/000.p/1");
  REQUIRE(tile_path({0, 273, 112, true}) == "tile/entries/273.p/112");
  for (const Tile& tile : {Tile{0, 0, 256, false}, Tile{63, UINT64_MAX / 256, 255, false},
                           Tile{0, 999'999, 256, true}, Tile{1, 1'000'000, 7, false}})
    REQUIRE(must(parse_tile_path(tile_path(tile))) == tile);
}

TEST_CASE("only the one way of writing a tile's path is read") {
  for (const char* path : {"",
                           "tile/0",
                           "tile/0/",
                           "tile/0/0",
                           "tile/0/0000",
                           "tile/00/000",
                           "tile/64/000",
                           "tile/-1/000",
                           "tile/0/x000/000",
                           "tile/0/001/000",
                           "tile/0/x001",
                           "tile/0/x001/x000",
                           "tile/0/000.p/0",
                           "tile/0/000.p/256",
                           "tile/0/000.p/01",
                           "tile/0/000.p/",
                           "tile/0/000.p",
                           "tile/0/x001.p/000",
                           "tile/0/x001/000.p/1/2",
                           "tile/entries",
                           "/tile/0/000",
                           "tile/0/000/",
                           "tile/0/+01",
                           "tile/../0/000",
                           "tile/0/x999/x999/x999/x999/x999/x999/x999/999"})
    REQUIRE_RULE(parse_tile_path(path), rules::tile_path_form);
}

TEST_CASE("a tree of 70,000 has the tiles that the specification's example lists") {
  std::map<std::pair<unsigned, bool>, std::vector<Tile>> by_level;
  for (const Tile& tile : tiles_of_tree(70000, true))
    by_level[{tile.level, tile.entries}].push_back(tile);
  REQUIRE(by_level.size() == 4);
  for (const bool entries : {false, true}) {
    REQUIRE(by_level[{0, entries}].size() == 274);
    REQUIRE(by_level[{0, entries}].back().width == 112);
  }
  REQUIRE(by_level[{1, false}] == std::vector<Tile>{{1, 0, 256, false}, {1, 1, 17, false}});
  REQUIRE(by_level[{2, false}] == std::vector<Tile>{{2, 0, 1, false}});
}

TEST_CASE("an empty tile does not exist") {
  REQUIRE(tiles_of_tree(0, true).empty());
  REQUIRE(width_in_tree(0, 1, 256) == 0);
  REQUIRE(width_in_tree(1, 0, 255) == 0);
  REQUIRE(width_in_tree(9, 0, UINT64_MAX) == 0);
  REQUIRE(tiles_of_tree(256, false).size() == 2);
}

TEST_CASE("a growing log writes only the tiles that changed") {
  REQUIRE(new_tiles(256, 257, false) == std::vector<Tile>{{0, 1, 1, false}});
  REQUIRE(new_tiles(255, 256, true) ==
          std::vector<Tile>{{0, 0, 256, true}, {0, 0, 256, false}, {1, 0, 1, false}});
  REQUIRE(new_tiles(300, 300, true).empty());
}

TEST_CASE("a tile of another width is refused") {
  const std::vector<Hash> hashes(3);
  REQUIRE(must(parse_tile(format_tile(hashes), 3)) == hashes);
  REQUIRE_RULE(parse_tile(format_tile(hashes), 4), rules::tile_content);
  REQUIRE_RULE(parse_tile(format_tile(hashes), 2), rules::tile_content);
}

TEST_CASE("an entry bundle gives its entries back, and only exactly as many") {
  const std::vector<Bytes> entries = {to_bytes("one"), {}, Bytes(65535, std::byte{7})};
  const Bytes content = must(format_bundle(entries));
  const auto views = must(parse_bundle(content, 3));
  for (std::size_t i = 0; i < 3; ++i) REQUIRE(equal(views[i], entries[i]));
  REQUIRE_RULE(parse_bundle(content, 2), rules::entry_bundle_form);
  REQUIRE_RULE(parse_bundle(content, 4), rules::entry_bundle_form);
  REQUIRE_RULE(parse_bundle(ByteView(content).first(content.size() - 1), 3),
               rules::entry_bundle_form);
  REQUIRE_RULE(parse_bundle(ByteView(content).first(4), 2), rules::entry_bundle_form);
  REQUIRE_RULE(format_bundle(std::vector<Bytes>{Bytes(65536)}), rules::entry_bundle_form);
}

TEST_CASE("proofs can be read out of tiles") {
  constexpr std::uint64_t size = 70000;
  std::vector<Hash> leaves(size);
  CompactRange range;
  std::map<std::string, std::vector<Hash>> rows;
  std::map<unsigned, std::vector<Hash>> levels;
  for (std::uint64_t i = 0; i < size; ++i) {
    Bytes number;
    append_u64_be(number, i);
    leaves[i] = leaf_hash(number);
    range.append(leaves[i], [&](unsigned level, std::uint64_t, const Hash& hash) {
      if (level % tile_height == 0) levels[level / tile_height].push_back(hash);
    });
  }
  std::size_t fetched = 0;
  const NodeReader reader = node_reader(size, [&](const Tile& tile) -> Result<Bytes> {
    ++fetched;
    return format_tile(std::span(levels[tile.level]).subspan(tile.index * tile_width, tile.width));
  });
  REQUIRE(must(root_from_nodes(size, reader)) == range.root());
  for (const std::uint64_t index : {0UL, 255UL, 256UL, 65535UL, 65536UL, 69999UL}) {
    const auto path = must(prove_inclusion(index, size, reader));
    REQUIRE_OK(verify_inclusion(index, size, leaves[index], path, range.root()));
  }
  REQUIRE(fetched < 12);
  REQUIRE_RULE(reader(0, size), rules::tree_range);
  REQUIRE_RULE(reader(17, 0), rules::tree_range);
}
