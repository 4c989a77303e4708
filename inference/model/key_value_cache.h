// Keys and values of the positions of one text, laid out so that attention is the product of panels
// and queries (kernels.h): of keys, 16 positions are a panel's rows; of values, 16 dimensions are.
// As floats in the profile exact-1, as bytes with scales in exact-1-kv8, where keys are panels of
// Q8_0.
//
// For one thread at a time, but reading is safe from many.
#pragma once

#include <span>

#include "inference/kernels/exact.h"
#include "inference/kernels/kernels.h"
#include "inference/kernels/panel_memory.h"
#include "inference/model/model_shape.h"

namespace attest::inference {

class KeyValueCache {
 public:
  // A cache of `capacity` positions; memory is taken as positions are written. In exact-1-kv8 heads
  // are whole runs.
  KeyValueCache(const ModelShape& shape, std::size_t capacity, exact::Profile profile);

  exact::Profile profile() const { return profile_; }
  std::size_t capacity() const { return capacity_; }
  // bytes that so many positions take.
  std::size_t bytes(std::size_t positions) const;

  // remember writes the key and value of one position of one layer, all heads.
  void remember(std::size_t layer, std::size_t position, std::span<const float> key,
                std::span<const float> value, const Kernels& kernels);
  // copy takes over the first `positions` of a cache of the same shape and profile.
  void copy(const KeyValueCache& from, std::size_t positions);

  // keys of the first `positions`, in panels of head_size columns; rows beyond are zero or later
  // positions. values: one panel for 16 dimensions of a head, a column a position.
  Panels keys(std::size_t layer, std::size_t kv_head, std::size_t positions) const;
  Panels values(std::size_t layer, std::size_t kv_head) const;
  // value_scales of run `run` of a head, one for each position; exact-1-kv8 only.
  const float* value_scales(std::size_t layer, std::size_t kv_head, std::size_t run) const;

 private:
  bool in_bytes() const { return profile_ == exact::Profile::exact_1_kv8; }
  std::size_t runs() const { return head_size_ / exact::run; }
  std::size_t key_scales_at() const { return runs() * q8_0_unit.weights; }
  std::size_t key_panel_bytes() const;
  std::size_t key_panels() const { return capacity_ / panel_rows; }
  std::size_t value_bytes() const { return in_bytes() ? 1 : sizeof(float); }
  std::size_t value_panel_bytes() const { return capacity_ * panel_rows * value_bytes(); }
  std::size_t value_panels() const { return (head_size_ + panel_rows - 1) / panel_rows; }
  // Where a position's panel of keys, and its column of values, begin.
  std::size_t key_panel(std::size_t block, std::size_t position) const;
  std::size_t value_column(std::size_t block, std::size_t panel, std::size_t position) const;
  void remember_floats(std::size_t block, std::size_t position, const float* key,
                       const float* value);
  void remember_bytes(std::size_t block, std::size_t position, const float* key, const float* value,
                      const Kernels& kernels);

  exact::Profile profile_;
  std::size_t capacity_;  // whole panels
  std::size_t kv_heads_;
  std::size_t head_size_;
  std::size_t blocks_;  // heads of all layers
  PanelMemory keys_;
  PanelMemory values_;
  PanelMemory value_scales_;  // [block][run][position]
};

}  // namespace attest::inference
