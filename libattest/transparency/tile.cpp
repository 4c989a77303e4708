#include "libattest/transparency/tile.h"

#include <algorithm>
#include <map>
#include <memory>

#include "libattest/base/text.h"
#include "libattest/transparency/lines.h"

namespace attest::transparency {

namespace {

constexpr unsigned max_level = 63;
constexpr unsigned levels_of_64_bits = 64 / tile_height;

std::string three_digits(std::uint64_t group) {
  std::string digits = std::to_string(group);
  return std::string(3 - digits.size(), '0') + digits;
}

// Reads "x001/x234/067" back; the caller compares with what tile_path writes, which settles
// padding and needless groups.
std::optional<std::uint64_t> read_index(const std::vector<std::string_view>& groups) {
  std::uint64_t index = 0;
  for (std::string_view group : groups) {
    if (group.starts_with('x')) group.remove_prefix(1);
    if (group.size() != 3) return std::nullopt;
    if (index > (UINT64_MAX - 999) / 1000) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : group) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    index = index * 1000 + value;
  }
  return index;
}

Error bad_path(std::string_view path) {
  return refused(rules::tile_path_form, "not the path of a tile")
      .expected("tile/<L>/<N>[.p/<W>]")
      .found(printable(path, 80));
}

Error wrong_width(Rule rule, std::string what, std::size_t expected, std::size_t found) {
  return refused(rule, std::move(what))
      .expected(std::to_string(expected))
      .found(std::to_string(found));
}

void add_tiles(std::vector<Tile>& to, unsigned level, bool entries, std::uint64_t old_size,
               std::uint64_t new_size) {
  const std::uint64_t before = tile_hashes(level, old_size);
  const std::uint64_t after = tile_hashes(level, new_size);
  if (before == after) return;
  for (std::uint64_t index = before / tile_width; index * tile_width < after; ++index)
    to.push_back({level, index, width_in_tree(level, index, new_size), entries});
}

}  // namespace

std::string tile_path(const Tile& tile) {
  std::string index = three_digits(tile.index % 1000);
  for (std::uint64_t rest = tile.index / 1000; rest > 0; rest /= 1000)
    index.insert(0, "x" + three_digits(rest % 1000) + "/");
  std::string path =
      "tile/" + (tile.entries ? "entries" : std::to_string(tile.level)) + "/" + index;
  if (tile.width != tile_width) path += ".p/" + std::to_string(tile.width);
  return path;
}

Result<Tile> parse_tile_path(std::string_view path) {
  std::vector<std::string_view> parts = split(path, '/');
  if (parts.size() < 3 || parts.size() > 12 || parts[0] != "tile") return fail(bad_path(path));
  Tile tile;
  tile.entries = parts[1] == "entries";
  const auto level = tile.entries ? std::optional<std::uint64_t>(0) : decimal(parts[1]);
  if (!level || *level > max_level) return fail(bad_path(path));
  tile.level = static_cast<unsigned>(*level);
  std::vector<std::string_view> groups(parts.begin() + 2, parts.end());
  if (groups.size() >= 2 && groups[groups.size() - 2].ends_with(".p")) {
    const auto width = decimal(groups.back());
    if (!width || *width == 0 || *width >= tile_width) return fail(bad_path(path));
    tile.width = static_cast<unsigned>(*width);
    groups.pop_back();
    groups.back().remove_suffix(2);
  }
  const auto index = read_index(groups);
  if (!index) return fail(bad_path(path));
  tile.index = *index;
  if (tile_path(tile) != path) return fail(bad_path(path));
  return tile;
}

std::uint64_t tile_hashes(unsigned level, std::uint64_t size) {
  return level >= levels_of_64_bits ? 0 : size >> (level * tile_height);
}

unsigned width_in_tree(unsigned level, std::uint64_t index, std::uint64_t size) {
  const std::uint64_t hashes = tile_hashes(level, size);
  if (index < hashes / tile_width) return tile_width;
  return index == hashes / tile_width ? static_cast<unsigned>(hashes % tile_width) : 0;
}

std::vector<Tile> tiles_of_tree(std::uint64_t size, bool bundles) {
  return new_tiles(0, size, bundles);
}

std::vector<Tile> new_tiles(std::uint64_t old_size, std::uint64_t new_size, bool bundles) {
  std::vector<Tile> tiles;
  if (bundles) add_tiles(tiles, 0, true, old_size, new_size);
  for (unsigned level = 0; level < levels_of_64_bits; ++level)
    add_tiles(tiles, level, false, old_size, new_size);
  return tiles;
}

Bytes format_tile(std::span<const Hash> hashes) {
  Bytes content;
  content.reserve(hashes.size() * sizeof(Hash));
  for (const Hash& hash : hashes) append(content, hash);
  return content;
}

Result<std::vector<Hash>> parse_tile(ByteView content, unsigned width) {
  if (content.size() != width * sizeof(Hash))
    return fail(wrong_width(rules::tile_content, "a tile has the wrong length",
                            width * sizeof(Hash), content.size()));
  std::vector<Hash> hashes(width);
  for (std::size_t i = 0; i < width; ++i)
    std::ranges::copy(content.subspan(i * sizeof(Hash), sizeof(Hash)), hashes[i].begin());
  return hashes;
}

Result<Bytes> format_bundle(std::span<const Bytes> entries) {
  Bytes content;
  for (const Bytes& entry : entries) {
    if (entry.size() > max_entry_size)
      return fail(wrong_width(rules::entry_bundle_form, "an entry is too large for a bundle",
                              max_entry_size, entry.size()));
    append_u16_be(content, static_cast<std::uint16_t>(entry.size()));
    append(content, entry);
  }
  return content;
}

Result<std::vector<ByteView>> parse_bundle(ByteView content, unsigned width) {
  ByteReader reader(content);
  std::vector<ByteView> entries;
  while (!reader.at_end()) {
    if (entries.size() == width)
      return fail(refused(rules::entry_bundle_form, "an entry bundle holds more than its width")
                      .expected(std::to_string(width) + " entries")
                      .within("byte " + std::to_string(reader.offset())));
    const auto length = reader.u16_be("length of an entry");
    const auto entry = length ? reader.take(*length, "entry") : std::unexpected(length.error());
    if (!entry)
      return fail(refused(rules::entry_bundle_form, "an entry bundle is cut off")
                      .within("byte " + std::to_string(reader.offset())));
    entries.push_back(*entry);
  }
  if (entries.size() != width)
    return fail(wrong_width(rules::entry_bundle_form,
                            "an entry bundle holds fewer entries than its width", width,
                            entries.size()));
  return entries;
}

Result<Hash> subtree_in_tile(std::span<const Hash> hashes, unsigned height, std::uint64_t index) {
  const std::uint64_t width = std::uint64_t{1} << std::min(height, tile_height);
  if (height > tile_height || index >= tile_width / width || (index + 1) * width > hashes.size())
    return fail(refused(rules::tree_range, "a tile does not hold this subtree")
                    .found("level " + std::to_string(height) + " of a tile of " +
                           std::to_string(hashes.size())));
  std::vector<Hash> row(hashes.begin() + static_cast<std::ptrdiff_t>(index * width),
                        hashes.begin() + static_cast<std::ptrdiff_t>((index + 1) * width));
  while (row.size() > 1) {
    for (std::size_t i = 0; i < row.size() / 2; ++i) row[i] = node_hash(row[2 * i], row[2 * i + 1]);
    row.resize(row.size() / 2);
  }
  return row.front();
}

NodeReader node_reader(std::uint64_t size, TileSource source) {
  using Fetched = std::map<std::pair<unsigned, std::uint64_t>, std::vector<Hash>>;
  auto fetched = std::make_shared<Fetched>();
  return [size, source = std::move(source), fetched](unsigned level,
                                                     std::uint64_t index) -> Result<Hash> {
    const unsigned tile_level = level / tile_height;
    const unsigned height = level % tile_height;
    const std::uint64_t per_tile = tile_width >> height;
    const std::uint64_t tile_index = index / per_tile;
    auto place = fetched->find({tile_level, tile_index});
    if (place == fetched->end()) {
      const Tile tile{tile_level, tile_index, width_in_tree(tile_level, tile_index, size), false};
      if (tile.width == 0)
        return fail(
            refused(rules::tree_range, "the tree has no such subtree")
                .found("level " + std::to_string(level) + ", index " + std::to_string(index)));
      TRY(const Bytes content, source(tile));
      TRY_WITHIN(tile_path(tile), std::vector<Hash> hashes, parse_tile(content, tile.width));
      place = fetched->emplace(std::pair(tile_level, tile_index), std::move(hashes)).first;
    }
    return subtree_in_tile(place->second, height, index % per_tile);
  };
}

}  // namespace attest::transparency
