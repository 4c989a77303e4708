// Transformer::load and ::stream: from a verified file to packed weights. A layer is first made
// with room for its weights, and where each comes from is noted; then the weights are read
// together.
#include <algorithm>
#include <mutex>
#include <set>
#include <thread>

#include "inference/model/streamed_layers.h"
#include "inference/model/transformer.h"
#include "inference/model/weight_reader.h"
#include "libattest/base/text.h"

namespace attest::inference {

class TransformerLoader {
 public:
  TransformerLoader(model::VerifiedFile& file, const model::Gguf& gguf)
      : file_(&file), gguf_(&gguf) {}

  Result<Transformer> load(const Machine& machine) {
    arena_ = std::make_shared<PanelArena>(panels_of(file_->size()));
    TRY(Transformer transformer, ends());
    for (std::size_t i = 0; i < shape_.layers; ++i) {
      TRY(Layer layer, this->layer(prefix_of(i)));
      transformer.layers_.push_back(std::make_shared<const Layer>(std::move(layer)));
    }
    TRY_VOID(check_all_used());
    TRY_VOID(read_noted(machine));
    return transformer;
  }

  // What stands before and behind the layers. Room for layers is then made as they are read.
  Result<Transformer> load_ends(std::uint64_t budget, const Machine& machine) {
    arena_ = std::make_shared<PanelArena>(0);
    TRY(Transformer transformer, ends());
    arena_ = std::make_shared<PanelArena>(0);
    for (std::size_t i = 0; i < shape_.layers; ++i) TRY_VOID(layer(prefix_of(i)));
    TRY_VOID(check_all_used());
    // The layers' room was made only to judge what they want: nothing was written there.
    std::erase_if(fillings_, [](const Filling& filling) { return filling.of_layer; });
    TRY(kept_, layers_to_keep(transformer, budget));
    for (std::size_t i = kept_; i < shape_.layers; ++i)
      transformer.streamed_bytes_ += layer_bytes(i);
    TRY_VOID(read_noted(machine));
    return transformer;
  }

  // A layer that nobody holds any more leaves its memory to the next: none is written for the first
  // time but by the first layers.
  Result<std::shared_ptr<const Layer>> load_layer(std::size_t number, const Machine& machine) {
    fillings_.clear();
    arena_ = spare_->take(largest_layer());
    TRY(Layer layer, this->layer(prefix_of(number)));
    TRY_VOID(read_noted(machine));
    return std::shared_ptr<const Layer>(
        new Layer(std::move(layer)), [spare = spare_, arena = std::move(arena_)](const Layer* old) {
          delete old;
          spare->give(arena);
        });
  }

  // Of the layers of a model that is streamed, the first so many stay.
  std::size_t kept() const { return kept_; }

  static void stream_layers(Transformer& transformer, std::size_t kept, StreamedLayers::Read read) {
    transformer.streamed_ =
        std::make_unique<StreamedLayers>(transformer.shape().layers, kept, std::move(read));
  }

 private:
  struct Attention {
    Matrix query, key, value;
  };

  // SpareArenas keeps memory between two layers. For any thread.
  class SpareArenas {
   public:
    std::shared_ptr<PanelArena> take(std::size_t expected) {
      const std::lock_guard lock(mutex_);
      if (arenas_.empty()) return std::make_shared<PanelArena>(expected);
      std::shared_ptr<PanelArena> arena = std::move(arenas_.back());
      arenas_.pop_back();
      arena->reset();
      return arena;
    }
    void give(std::shared_ptr<PanelArena> arena) {
      const std::lock_guard lock(mutex_);
      arenas_.push_back(std::move(arena));
    }

   private:
    std::mutex mutex_;
    std::vector<std::shared_ptr<PanelArena>> arenas_;
  };

  // panels_of is about what rows of a file take as panels: those of some types are a little larger.
  static std::uint64_t panels_of(std::uint64_t bytes) { return bytes + bytes / 16; }

  static std::string prefix_of(std::size_t layer) { return "blk." + std::to_string(layer) + "."; }

  Result<Transformer> ends() {
    TRY(shape_, read_model_shape(*gguf_));
    TRY(Matrix embedding, matrix("token_embd.weight", shape_.embedding, shape_.vocabulary));
    Transformer transformer(shape_, std::move(embedding));
    TRY(transformer.output_norm_, vector("output_norm.weight", shape_.embedding));
    if (gguf_->find_tensor("output.weight")) {
      TRY(transformer.output_, matrix("output.weight", shape_.embedding, shape_.vocabulary));
    }
    if (gguf_->find_tensor("rope_freqs.weight")) TRY_VOID(divide_frequencies(transformer));
    transformer.sha256_ = file_->sha256();
    transformer.fsverity_ = file_->fsverity();
    return transformer;
  }

  Status check_all_used() const {
    for (const model::GgufTensor& tensor : gguf_->tensors())
      if (!used_.contains(tensor.name))
        return fail(
            refused(rules::transformer_unknown_tensor,
                    "tensor " + printable(tensor.name) + " has no use in this architecture"));
    return {};
  }

  Status read_noted(const Machine& machine) {
    return WeightReader(*file_, machine).read(fillings_);
  }

  std::uint64_t layer_bytes(std::size_t number) const {
    std::uint64_t size = 0;
    for (const model::GgufTensor& tensor : gguf_->tensors())
      if (tensor.name.starts_with(prefix_of(number))) size += tensor.size;
    return size;
  }

  std::uint64_t largest_layer() const {
    std::uint64_t largest = 0;
    for (std::size_t i = 0; i < shape_.layers; ++i) largest = std::max(largest, layer_bytes(i));
    return panels_of(largest);
  }

  // Room for embedding, output, two layers on their way, buffers, and so many layers that stay.
  Result<std::size_t> layers_to_keep(const Transformer& transformer, std::uint64_t budget) const {
    constexpr std::uint64_t buffers = 20U << 20;
    const std::uint64_t largest = largest_layer();
    const std::uint64_t least = transformer.embedding_.file_bytes() +
                                (transformer.output_ ? transformer.output_->file_bytes() : 0) +
                                2 * largest + buffers;
    if (budget < least)
      return fail(refused(rules::transformer_budget, "too little memory for this model")
                      .expected("at least " + std::to_string(least) + " bytes")
                      .found(std::to_string(budget)));
    return static_cast<std::size_t>(
        std::min<std::uint64_t>((budget - least) / largest, shape_.layers));
  }

  Result<Layer> layer(const std::string& prefix) {
    const Architecture& has = *shape_.architecture;
    TRY(auto norm, vector(prefix + "attn_norm.weight", shape_.embedding));
    TRY(Attention in, attention(prefix));
    TRY(auto out, matrix(prefix + "attn_output.weight", shape_.query_size(), shape_.embedding));
    Layer layer{.attention_norm = std::move(norm),
                .query = std::move(in.query),
                .key = std::move(in.key),
                .value = std::move(in.value),
                .attention_output = std::move(out),
                .query_bias = {},
                .key_bias = {},
                .value_bias = {},
                .query_norm = {},
                .key_norm = {},
                .norm_behind_attention = {},
                .feed_forward_norm = {},
                .router = {},
                .experts = {},
                .norm_behind_feed_forward = {}};
    if (has.biases) {
      TRY(layer.query_bias, vector(prefix + "attn_q.bias", shape_.query_size()));
      TRY(layer.key_bias, vector(prefix + "attn_k.bias", shape_.kv_size()));
      TRY(layer.value_bias, vector(prefix + "attn_v.bias", shape_.kv_size()));
    }
    if (has.head_norms) {
      TRY(layer.query_norm, vector(prefix + "attn_q_norm.weight", shape_.head_size));
      TRY(layer.key_norm, vector(prefix + "attn_k_norm.weight", shape_.head_size));
    }
    TRY(layer.feed_forward_norm, vector(prefix + "ffn_norm.weight", shape_.embedding));
    if (has.norms_behind) {
      TRY(layer.norm_behind_attention,
          vector(prefix + "post_attention_norm.weight", shape_.embedding));
      TRY(layer.norm_behind_feed_forward,
          vector(prefix + "post_ffw_norm.weight", shape_.embedding));
    }
    if (shape_.experts == 1) {
      TRY(auto only, feed_forward(prefix));
      layer.experts.push_back(std::move(only));
    } else {
      TRY(layer.router, matrix(prefix + "ffn_gate_inp.weight", shape_.embedding, shape_.experts));
      TRY_VOID(read_experts(prefix, layer.experts));
    }
    return layer;
  }

  Result<Attention> attention(const std::string& prefix) {
    const std::size_t from = shape_.embedding;
    const std::size_t query = shape_.query_size();
    const std::size_t kv = shape_.kv_size();
    if (shape_.architecture->fused) {
      TRY(auto parts, slices(prefix + "attn_qkv.weight", from, {query, kv, kv}));
      return Attention{std::move(parts[0]), std::move(parts[1]), std::move(parts[2])};
    }
    TRY(auto q, matrix(prefix + "attn_q.weight", from, query));
    TRY(auto k, matrix(prefix + "attn_k.weight", from, kv));
    TRY(auto v, matrix(prefix + "attn_v.weight", from, kv));
    return Attention{std::move(q), std::move(k), std::move(v)};
  }

  Result<FeedForward> feed_forward(const std::string& prefix) {
    const std::size_t inner = shape_.feed_forward;
    TRY(auto down, matrix(prefix + "ffn_down.weight", inner, shape_.embedding));
    if (shape_.architecture->fused) {
      TRY(auto parts, slices(prefix + "ffn_up.weight", shape_.embedding, {inner, inner}));
      return FeedForward{std::move(parts[0]), std::move(parts[1]), std::move(down)};
    }
    TRY(auto gate, matrix(prefix + "ffn_gate.weight", shape_.embedding, inner));
    TRY(auto up, matrix(prefix + "ffn_up.weight", shape_.embedding, inner));
    return FeedForward{std::move(gate), std::move(up), std::move(down)};
  }

  // The experts of a layer lie one behind the other in one tensor for each of their matrices.
  Status read_experts(const std::string& prefix, std::vector<FeedForward>& experts) {
    const std::vector<std::size_t> inner(shape_.experts, shape_.feed_forward);
    const std::vector<std::size_t> outer(shape_.experts, shape_.embedding);
    TRY(auto gates, slices(prefix + "ffn_gate_exps.weight", shape_.embedding, inner));
    TRY(auto ups, slices(prefix + "ffn_up_exps.weight", shape_.embedding, inner));
    TRY(auto downs, slices(prefix + "ffn_down_exps.weight", shape_.feed_forward, outer));
    for (std::size_t i = 0; i < shape_.experts; ++i)
      experts.push_back({std::move(gates[i]), std::move(ups[i]), std::move(downs[i])});
    return {};
  }

  // Llama 3 gives each pair's divisor.
  Status divide_frequencies(Transformer& transformer) {
    auto& frequencies = transformer.rope_frequencies_;
    TRY(const auto divisors, vector("rope_freqs.weight", frequencies.size()));
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
      if (!(divisors[i] >= 1 && divisors[i] <= 4096))
        return fail(refused(rules::transformer_tensor, "rope_freqs.weight makes no sense")
                        .expected("1 to 4096")
                        .found(std::to_string(divisors[i])));
      frequencies[i] = frequencies[i] / static_cast<double>(divisors[i]);
    }
    transformer.sliding_rope_frequencies_ = frequencies;
    return {};
  }

  Result<const model::GgufTensor*> tensor(const std::string& name, std::size_t columns,
                                          std::size_t rows) {
    TRY(const model::GgufTensor* found, tensor_of_size(*gguf_, name, columns, rows));
    used_.insert(name);
    return found;
  }

  // with_room makes a matrix of some rows of a tensor, and notes where they come from.
  Result<Matrix> with_room(const model::GgufTensor& tensor, std::uint64_t offset) {
    TRY(Matrix made, Matrix::with_room_for(tensor, arena_));
    fillings_.push_back({made.room(), offset, tensor.name.starts_with("blk.")});
    return made;
  }

  Result<Matrix> matrix(const std::string& name, std::size_t columns, std::size_t rows) {
    TRY(const model::GgufTensor* found, tensor(name, columns, rows));
    return with_room(*found, found->offset);
  }

  // slices takes a tensor's rows apart, `counts` of them each.
  Result<std::vector<Matrix>> slices(const std::string& name, std::size_t columns,
                                     const std::vector<std::size_t>& counts) {
    std::size_t rows = 0;
    for (const std::size_t count : counts) rows += count;
    TRY(const model::GgufTensor* found, tensor(name, columns, rows));
    std::vector<Matrix> parts;
    std::uint64_t at = found->offset;
    for (const std::size_t count : counts) {
      model::GgufTensor part = *found;
      part.dimensions = {columns, count};
      part.size = found->size / rows * count;
      TRY(Matrix made, with_room(part, at));
      parts.push_back(std::move(made));
      at += part.size;
    }
    return parts;
  }

  // vector reads weights of a normalisation or a bias at once: one row, as floats.
  Result<std::vector<float>> vector(const std::string& name, std::size_t size) {
    TRY(const model::GgufTensor* found, tensor(name, size, 1));
    Bytes data(found->size);
    TRY_VOID(file_->read(found->offset, data));
    TRY(const Matrix row, Matrix::pack(*found, data));
    std::vector<float> floats(size);
    row.row(0, floats);
    return floats;
  }

  model::VerifiedFile* file_;
  const model::Gguf* gguf_;
  ModelShape shape_{};
  std::set<std::string> used_;
  std::vector<Filling> fillings_;
  std::shared_ptr<PanelArena> arena_;  // of the matrices that are made
  std::shared_ptr<SpareArenas> spare_ = std::make_shared<SpareArenas>();
  std::size_t kept_ = 0;
};

namespace {

// LayerFile reads layers of a file that it owns, for a model that is streamed.
struct LayerFile {
  model::VerifiedFile file;
  model::Gguf gguf;
  std::unique_ptr<Executor> executor = make_thread_pool(2);
  TransformerLoader loader{file, gguf};
};

template <typename T>
Result<T> within(const std::string& name, Result<T> loaded) {
  if (!loaded && loaded.error().where.find(name) == std::string::npos) loaded.error().within(name);
  return loaded;
}

}  // namespace

Result<Transformer> Transformer::load(model::VerifiedFile& file) {
  const auto executor = make_thread_pool(std::max(1U, std::thread::hardware_concurrency()));
  return load(file, {.executor = executor.get()});
}

Result<Transformer> Transformer::load(model::VerifiedFile& file, const Machine& machine) {
  TRY(const model::Gguf gguf, file.read_description());
  return within(file.name(), TransformerLoader(file, gguf).load(machine));
}

Result<Transformer> Transformer::stream(model::VerifiedFile file, std::uint64_t budget) {
  TRY(model::Gguf gguf, file.read_description());
  const std::shared_ptr<LayerFile> of_layers(
      new LayerFile{.file = std::move(file), .gguf = std::move(gguf)});
  const Machine machine{.executor = of_layers->executor.get()};
  TRY(Transformer transformer,
      within(of_layers->file.name(), of_layers->loader.load_ends(budget, machine)));
  TransformerLoader::stream_layers(transformer, of_layers->loader.kept(),
                                   [of_layers, machine](std::size_t number) {
                                     return of_layers->loader.load_layer(number, machine);
                                   });
  return transformer;
}

}  // namespace attest::inference
