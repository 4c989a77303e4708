#include "inference/model/unreleased_model.h"

namespace attest::inference {

namespace {

Result<model::VerifiedFile> open_by_own_digests(const Path& path) {
  TRY(std::unique_ptr<model::OpenedFile> opened, model::OpenedFile::open(path));
  TRY_WITHIN(path.string(), const auto both, model::digest_file_with_leaves(*opened));
  const auto& [own, leaves] = both;
  return model::VerifiedFile::of(std::move(opened), {own.size, own.sha256, own.fsverity},
                                 model::make_block_tree(leaves));
}

}  // namespace

Result<UnreleasedModel> open_unreleased_model(const Path& path,
                                              std::optional<std::uint64_t> budget) {
  TRY(model::VerifiedFile file, open_by_own_digests(path));
  TRY(const model::Gguf gguf, file.read_description());
  TRY(Tokenizer tokenizer, Tokenizer::read(gguf));
  TRY(Transformer transformer,
      budget ? Transformer::stream(std::move(file), *budget) : Transformer::load(file));
  return UnreleasedModel{std::move(transformer), std::move(tokenizer)};
}

Result<UnreleasedEncoder> open_unreleased_encoder(const Path& path) {
  TRY(model::VerifiedFile file, open_by_own_digests(path));
  TRY(const model::Gguf gguf, file.read_description());
  TRY(Tokenizer tokenizer, Tokenizer::read(gguf));
  TRY(Encoder encoder, Encoder::load(file));
  return UnreleasedEncoder{std::move(encoder), std::move(tokenizer)};
}

}  // namespace attest::inference
