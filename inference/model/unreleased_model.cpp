#include "inference/model/unreleased_model.h"

namespace attest::inference {

Result<UnreleasedModel> open_unreleased_model(const Path& path,
                                              std::optional<std::uint64_t> budget) {
  TRY(const std::unique_ptr<File> opened, system_files().open(path, OpenMode::read));
  TRY_WITHIN(path.string(), const auto both, model::digest_file_with_leaves(*opened));
  const auto& [own, leaves] = both;
  TRY(model::VerifiedFile file,
      model::VerifiedFile::open(path, {own.size, own.sha256, own.fsverity},
                                model::make_block_tree(leaves)));
  TRY(const model::Gguf gguf, file.read_description());
  TRY(Tokenizer tokenizer, Tokenizer::read(gguf));
  TRY(Transformer transformer,
      budget ? Transformer::stream(std::move(file), *budget) : Transformer::load(file));
  return UnreleasedModel{std::move(transformer), std::move(tokenizer)};
}

}  // namespace attest::inference
