// Keys and values of the positions of one text, laid out so that attention is the product of panels
// and queries (kernels.h): of keys, 16 positions are a panel's rows; of values, 16 dimensions are.
//
// For one thread at a time, but reading is safe from many.
#pragma once

#include <span>

#include "inference/kernels/kernels.h"
#include "inference/kernels/panel_memory.h"
#include "inference/model/model_shape.h"

namespace attest::inference {

class KeyValueCache {
 public:
  // A cache of `capacity` positions; memory is taken as positions are written.
  KeyValueCache(const ModelShape& shape, std::size_t capacity);

  std::size_t capacity() const { return capacity_; }

  // remember writes the key and value of one position of one layer, all heads.
  void remember(std::size_t layer, std::size_t position, std::span<const float> key,
                std::span<const float> value);

  // keys of the first `positions`, in panels of head_size columns; rows beyond are zero or later
  // positions. values: one panel for 16 dimensions of a head, a column a position.
  Panels keys(std::size_t layer, std::size_t kv_head, std::size_t positions) const;
  Panels values(std::size_t layer, std::size_t kv_head) const;

 private:
  std::size_t key_panel_floats() const { return head_size_ * panel_rows; }
  std::size_t value_panel_floats() const { return capacity_ * panel_rows; }
  std::size_t key_panels() const { return capacity_ / panel_rows; }
  std::size_t value_panels() const { return (head_size_ + panel_rows - 1) / panel_rows; }

  std::size_t capacity_;  // whole panels
  std::size_t kv_heads_;
  std::size_t head_size_;
  PanelMemory keys_;
  PanelMemory values_;
};

}  // namespace attest::inference
