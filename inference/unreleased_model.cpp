#include "inference/unreleased_model.h"

namespace attest::inference {

Result<UnreleasedModel> open_unreleased_model(const Path& path) {
  TRY(const model::FileDigests own, model::digest_file(path));
  TRY(model::VerifiedFile file,
      model::VerifiedFile::open(path, {own.size, own.sha256, own.fsverity}, std::nullopt));
  TRY(const model::Gguf gguf, file.read_description());
  TRY(Tokenizer tokenizer, Tokenizer::read(gguf));
  TRY(Transformer transformer, Transformer::load(file));
  return UnreleasedModel{std::move(transformer), std::move(tokenizer)};
}

}  // namespace attest::inference
