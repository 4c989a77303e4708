// Opening a model that no statement speaks of: for tests, benchmarks, and experiments that say so.
#pragma once

#include <optional>

#include "inference/model/encoder.h"
#include "inference/model/transformer.h"
#include "inference/text/tokenizer.h"
#include "libattest/base/file.h"

namespace attest::inference {

struct UnreleasedModel {
  Transformer transformer;
  Tokenizer tokenizer;
};
struct UnreleasedEncoder {
  Encoder encoder;
  Tokenizer tokenizer;
};

// open_unreleased_model reads through the same block checks as a released model, against the
// digests that the file itself has: it proves nothing about whose the model is.
// With a budget, layers are streamed (Transformer::stream).
Result<UnreleasedModel> open_unreleased_model(const Path& path,
                                              std::optional<std::uint64_t> budget = {});
Result<UnreleasedEncoder> open_unreleased_encoder(const Path& path);

}  // namespace attest::inference
