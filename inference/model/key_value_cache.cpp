#include "inference/model/key_value_cache.h"

namespace attest::inference {

KeyValueCache::KeyValueCache(const ModelShape& shape, std::size_t capacity)
    : capacity_((capacity + panel_rows - 1) / panel_rows * panel_rows),
      kv_heads_(shape.kv_heads),
      head_size_(shape.head_size),
      keys_(shape.layers * kv_heads_ * key_panels() * key_panel_floats() * sizeof(float)),
      values_(shape.layers * kv_heads_ * value_panels() * value_panel_floats() * sizeof(float)) {}

void KeyValueCache::remember(std::size_t layer, std::size_t position, std::span<const float> key,
                             std::span<const float> value) {
  for (std::size_t head = 0; head < kv_heads_; ++head) {
    const std::size_t block = layer * kv_heads_ + head;
    float* const keys = keys_.floats() +
                        (block * key_panels() + position / panel_rows) * key_panel_floats() +
                        position % panel_rows;
    float* const values =
        values_.floats() + block * value_panels() * value_panel_floats() + position * panel_rows;
    for (std::size_t d = 0; d < head_size_; ++d) {
      keys[d * panel_rows] = key[head * head_size_ + d];
      values[d / panel_rows * value_panel_floats() + d % panel_rows] = value[head * head_size_ + d];
    }
  }
}

Panels KeyValueCache::keys(std::size_t layer, std::size_t kv_head, std::size_t positions) const {
  const std::size_t panel = (layer * kv_heads_ + kv_head) * key_panels();
  return {reinterpret_cast<const std::uint8_t*>(keys_.floats() + panel * key_panel_floats()),
          key_panel_floats() * sizeof(float), (positions + panel_rows - 1) / panel_rows, 0};
}

Panels KeyValueCache::values(std::size_t layer, std::size_t kv_head) const {
  const std::size_t panel = (layer * kv_heads_ + kv_head) * value_panels();
  return {reinterpret_cast<const std::uint8_t*>(values_.floats() + panel * value_panel_floats()),
          value_panel_floats() * sizeof(float), value_panels(), 0};
}

}  // namespace attest::inference
