#include "inference/model/key_value_cache.h"

#include <array>
#include <cstring>

#include "libattest/model/half.h"

namespace attest::inference {

KeyValueCache::KeyValueCache(const ModelShape& shape, std::size_t capacity, exact::Profile profile)
    : profile_(profile),
      capacity_((capacity + panel_rows - 1) / panel_rows * panel_rows),
      kv_heads_(shape.kv_heads),
      head_size_(shape.head_size),
      blocks_(shape.layers * kv_heads_),
      keys_(blocks_ * key_panels() * key_panel_bytes()),
      values_(blocks_ * value_panels() * value_panel_bytes()),
      value_scales_(in_bytes() ? blocks_ * runs() * capacity_ * sizeof(float) : 0) {}

std::size_t KeyValueCache::key_panel_bytes() const {
  if (!in_bytes()) return head_size_ * panel_rows * sizeof(float);
  return key_scales_at() + (runs() * q8_0_unit.scales + 63) / 64 * 64;
}

std::size_t KeyValueCache::bytes(std::size_t positions) const {
  const std::size_t columns = (positions + panel_rows - 1) / panel_rows * panel_rows;
  const std::size_t scales = in_bytes() ? runs() * columns * sizeof(float) : 0;
  return blocks_ * (columns / panel_rows * key_panel_bytes() +
                    value_panels() * columns * panel_rows * value_bytes() + scales);
}

std::size_t KeyValueCache::key_panel(std::size_t block, std::size_t position) const {
  return (block * key_panels() + position / panel_rows) * key_panel_bytes();
}

std::size_t KeyValueCache::value_column(std::size_t block, std::size_t panel,
                                        std::size_t position) const {
  return (block * value_panels() + panel) * value_panel_bytes() +
         position * panel_rows * value_bytes();
}

void KeyValueCache::remember(std::size_t layer, std::size_t position, std::span<const float> key,
                             std::span<const float> value, const Kernels& kernels) {
  for (std::size_t head = 0; head < kv_heads_; ++head) {
    const std::size_t block = layer * kv_heads_ + head;
    const float* const key_of_head = key.data() + head * head_size_;
    const float* const value_of_head = value.data() + head * head_size_;
    if (in_bytes())
      remember_bytes(block, position, key_of_head, value_of_head, kernels);
    else
      remember_floats(block, position, key_of_head, value_of_head);
  }
}

void KeyValueCache::remember_floats(std::size_t block, std::size_t position, const float* key,
                                    const float* value) {
  float* const keys =
      reinterpret_cast<float*>(keys_.data() + key_panel(block, position)) + position % panel_rows;
  float* const values = reinterpret_cast<float*>(values_.data() + value_column(block, 0, position));
  for (std::size_t d = 0; d < head_size_; ++d) {
    keys[d * panel_rows] = key[d];
    values[d / panel_rows * capacity_ * panel_rows + d % panel_rows] = value[d];
  }
}

void KeyValueCache::remember_bytes(std::size_t block, std::size_t position, const float* key,
                                   const float* value, const Kernels& kernels) {
  std::uint8_t* const panel = keys_.data() + key_panel(block, position);
  const std::size_t lane = position % panel_rows;
  float* const scales = value_scales_.floats() + block * runs() * capacity_;
  std::array<std::int8_t, exact::run> q;
  for (std::size_t r = 0; r < runs(); ++r) {
    const std::uint16_t scale =
        model::f16_from_f32(kernels.quantise_run(key + r * exact::run, q.data()));
    std::memcpy(panel + key_scales_at() + r * q8_0_unit.scales + 2 * lane, &scale, sizeof scale);
    for (std::size_t k = 0; k < exact::run; ++k)
      panel[r * q8_0_unit.weights + 64 * (k / 4) + 4 * lane + k % 4] =
          static_cast<std::uint8_t>(static_cast<std::uint8_t>(q[k]) ^ 0x80U);
    scales[r * capacity_ + position] = kernels.quantise_run(value + r * exact::run, q.data());
    std::memcpy(values_.data() + value_column(block, 2 * r, position), q.data(), panel_rows);
    std::memcpy(values_.data() + value_column(block, 2 * r + 1, position), q.data() + panel_rows,
                panel_rows);
  }
}

void KeyValueCache::copy(const KeyValueCache& from, std::size_t positions) {
  if (positions == 0) return;
  const std::size_t panels = (positions + panel_rows - 1) / panel_rows;
  for (std::size_t block = 0; block < blocks_; ++block) {
    std::memcpy(keys_.data() + key_panel(block, 0), from.keys_.data() + from.key_panel(block, 0),
                panels * key_panel_bytes());
    for (std::size_t panel = 0; panel < value_panels(); ++panel)
      std::memcpy(values_.data() + value_column(block, panel, 0),
                  from.values_.data() + from.value_column(block, panel, 0),
                  positions * panel_rows * value_bytes());
    for (std::size_t r = 0; in_bytes() && r < runs(); ++r)
      std::memcpy(value_scales_.floats() + (block * runs() + r) * capacity_,
                  from.value_scales_.floats() + (block * runs() + r) * from.capacity_,
                  positions * sizeof(float));
  }
}

Panels KeyValueCache::keys(std::size_t layer, std::size_t kv_head, std::size_t positions) const {
  const std::size_t panel = (layer * kv_heads_ + kv_head) * key_panels();
  return {keys_.data() + panel * key_panel_bytes(), key_panel_bytes(),
          (positions + panel_rows - 1) / panel_rows, in_bytes() ? key_scales_at() : 0};
}

Panels KeyValueCache::values(std::size_t layer, std::size_t kv_head) const {
  const std::size_t panel = (layer * kv_heads_ + kv_head) * value_panels();
  return {values_.data() + panel * value_panel_bytes(), value_panel_bytes(), value_panels(), 0};
}

const float* KeyValueCache::value_scales(std::size_t layer, std::size_t kv_head,
                                         std::size_t run) const {
  return value_scales_.floats() + ((layer * kv_heads_ + kv_head) * runs() + run) * capacity_;
}

}  // namespace attest::inference
