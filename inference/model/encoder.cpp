#include "inference/model/encoder.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "inference/kernels/exact.h"
#include "inference/model/transformer.h"

namespace attest::inference {

// Run is one text on its way through the layers.
class Encoder::Run {
 public:
  Run(const Encoder& encoder, std::span<const Token> tokens, const Machine& machine)
      : encoder_(&encoder),
        shape_(&encoder.shape_),
        machine_(&machine),
        x_(tokens.size(), shape_->embedding),
        query_(x_.count(), shape_->embedding),
        key_(x_.count(), shape_->embedding),
        value_(x_.count(), shape_->embedding),
        mixed_(x_.count(), shape_->embedding),
        inner_(x_.count(), shape_->feed_forward),
        projected_(x_.count(), shape_->embedding) {
    std::vector<float> type(shape_->embedding);
    encoder.types_.row(0, type);
    machine_->each(x_.count(), [&](std::size_t t) {
      std::vector<float> position(shape_->embedding);
      encoder.tokens_.row(tokens[t], x_[t]);
      encoder.positions_.row(t, position);
      add(x_[t], type);
      add(x_[t], position);
      normalise(x_[t], encoder.norm_);
    });
  }

  std::vector<float> run() {
    for (const EncoderLayer& layer : encoder_->layers_) {
      attend(layer);
      feed_forward(layer);
    }
    std::vector<float> vector(x_[0].begin(), x_[0].end());
    machine_->each(1, [&](std::size_t) { pool(vector); });
    return vector;
  }

 private:
  void pool(std::vector<float>& vector) const {
    if (shape_->pooling == EncoderShape::Pooling::mean) {
      for (std::size_t t = 1; t < x_.count(); ++t) add(vector, x_[t]);
      for (float& value : vector) value = value / static_cast<float>(x_.count());
    }
    const float length = std::sqrt(exact::sum_of_squares(vector));
    // A length beyond all floats would make zeros of what is no vector.
    if (!std::isfinite(length)) vector[0] = std::numeric_limits<float>::quiet_NaN();
    for (float& value : vector) value = value / length;
  }
  static void add(std::span<float> to, std::span<const float> more) {
    for (std::size_t i = 0; i < more.size(); ++i) to[i] = to[i] + more[i];
  }
  void normalise(std::span<float> x, const Norm& norm) const {
    exact::layer_norm(x, norm.weight, norm.bias, shape_->epsilon);
  }
  // x = norm(x + (projected + bias))
  void add_projected(std::span<const float> bias, const Norm& norm) {
    machine_->each(x_.count(), [&](std::size_t t) {
      add(projected_[t], bias);
      add(x_[t], std::as_const(projected_)[t]);
      normalise(x_[t], norm);
    });
  }

  void attend(const EncoderLayer& layer) {
    input_.begin(x_);
    const Matrix::Product products[] = {
        {&layer.query.matrix, &query_}, {&layer.key.matrix, &key_}, {&layer.value.matrix, &value_}};
    Matrix::multiply(products, input_, *machine_);
    machine_->each(x_.count(), [&](std::size_t t) {
      add(query_[t], layer.query.bias);
      add(key_[t], layer.key.bias);
      add(value_[t], layer.value.bias);
    });
    machine_->each(shape_->heads, [&](std::size_t head) { attend_head(head); });
    input_.begin(mixed_);
    layer.output.matrix.multiply(input_, projected_, *machine_);
    add_projected(layer.output.bias, layer.norm_behind_attention);
  }

  // Of keys, 16 positions are a panel's rows; of values, 16 dimensions are (kernels.h).
  void attend_head(std::size_t head) {
    const std::size_t size = shape_->head_size();
    const std::size_t seen = x_.count();
    const std::size_t first = head * size;
    const Panels keys = panels_of(seen, size);
    const Panels values = panels_of(size, seen);
    std::vector<float> key_floats(keys.count * panel_rows * size);
    std::vector<float> value_floats(values.count * panel_rows * seen);
    for (std::size_t p = 0; p < seen; ++p)
      for (std::size_t d = 0; d < size; ++d) {
        key_floats[(p / panel_rows * size + d) * panel_rows + p % panel_rows] = key_[p][first + d];
        value_floats[(d / panel_rows * seen + p) * panel_rows + d % panel_rows] =
            value_[p][first + d];
      }
    for (std::size_t t = 0; t < seen; t += tile_width)
      attend_tile(at(keys, key_floats), at(values, value_floats), first, t,
                  std::min(tile_width, seen - t));
  }
  static Panels panels_of(std::size_t rows, std::size_t columns) {
    return {.data = nullptr,
            .stride = columns * panel_rows * sizeof(float),
            .count = (rows + panel_rows - 1) / panel_rows,
            .scales = 0};
  }
  static Panels at(Panels panels, const std::vector<float>& floats) {
    panels.data = reinterpret_cast<const std::uint8_t*>(floats.data());
    return panels;
  }

  // out = sum over all positions p, in order, of softmax(q . k_p / sqrt(size))_p * v_p.
  void attend_tile(Panels keys, Panels values, std::size_t first, std::size_t t,
                   std::size_t count) {
    const std::size_t size = shape_->head_size();
    const std::size_t seen = x_.count();
    const float scale = 1.0F / std::sqrt(static_cast<float>(size));
    const Kernels& kernels = *machine_->kernels;
    const std::size_t score_stride = keys.count * panel_rows;
    const std::size_t sum_stride = values.count * panel_rows;
    std::vector<float> scores(count * score_stride);
    std::vector<float> sums(count * sum_stride);
    std::vector<float> totals(count);
    Tile tile{};
    tile.count = count;
    tile.floats = query_.data() + t * query_.stride() + first;
    tile.stride = query_.stride();
    kernels.f32(keys, tile, 0, size, {scores.data(), score_stride, true});
    for (std::size_t i = 0; i < count; ++i) {
      float* const of = scores.data() + i * score_stride;
      for (std::size_t p = 0; p < seen; ++p) of[p] = of[p] * scale;
      totals[i] = kernels.softmax_numerators(of, seen);
    }
    tile.floats = scores.data();
    tile.stride = score_stride;
    kernels.f32(values, tile, 0, seen, {sums.data(), sum_stride, true});
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t d = 0; d < size; ++d)
        mixed_[t + i][first + d] = sums[i * sum_stride + d] / totals[i];
  }

  void feed_forward(const EncoderLayer& layer) {
    input_.begin(x_);
    layer.up.matrix.multiply(input_, inner_, *machine_);
    machine_->each(x_.count(), [&](std::size_t t) {
      const std::span<float> here = inner_[t];
      for (std::size_t i = 0; i < here.size(); ++i)
        here[i] = exact::gelu_by_erf(here[i] + layer.up.bias[i]);
    });
    input_.begin(inner_);
    layer.down.matrix.multiply(input_, projected_, *machine_);
    add_projected(layer.down.bias, layer.norm_behind_feed_forward);
  }

  const Encoder* encoder_;
  const EncoderShape* shape_;
  const Machine* machine_;
  Vectors x_, query_, key_, value_, mixed_, inner_, projected_;
  MatrixInput input_;
};

Result<std::vector<float>> Encoder::embed(std::span<const Token> tokens,
                                          const Machine& machine) const {
  if (tokens.empty() || tokens.size() > shape_.context)
    return fail(refused(rules::sequence_too_long, "no text, or longer than the model's context")
                    .expected("1 to " + std::to_string(shape_.context))
                    .found(std::to_string(tokens.size())));
  for (const Token token : tokens)
    if (token >= shape_.vocabulary)
      return fail(refused(rules::token_unknown, "no such token")
                      .expected("below " + std::to_string(shape_.vocabulary))
                      .found(std::to_string(token)));
  std::vector<float> vector = Run(*this, tokens, machine).run();
  if (!std::ranges::all_of(vector, [](float value) { return std::isfinite(value); }))
    return fail(refused(rules::logits_not_finite, "the model gives no finite vector"));
  return vector;
}

Sha256 digest_of(std::span<const float> vector) {
  static_assert(std::endian::native == std::endian::little);
  return sha256(std::as_bytes(vector));
}

}  // namespace attest::inference
