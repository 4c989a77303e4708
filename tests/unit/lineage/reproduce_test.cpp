#include "libattest/lineage/reproduce.h"

#include "libattest/base/file.h"
#include "libattest/model/gguf_writer.h"
#include "libattest/model/quantize.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::lineage;
using statement::Operation;
using statement::Subject;

namespace {

Bytes small_model() {
  model::GgufWriter writer;
  writer.add_string("general.architecture", "llama");
  std::vector<float> weights(64);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i) - 30.5F;
  writer.add_tensor_f32("blk.0.weight", {32, 2}, weights);
  return must(writer.finish());
}

struct Quantized {
  Bytes base = small_model();
  Bytes made = must(model::quantize_gguf(base));
  statement::ModelRelease release{"q8",
                                  {{"q8.gguf", made.size(), sha256(made), {}}},
                                  Operation{"quantize", {{"to", "q8_0"}}},
                                  {{"base", Subject::artefact(sha256(base))}},
                                  "MIT"};

  Result<Reproduced> again(std::vector<ByteView> parents) const {
    return reproduce({subject_of(release), "tiny@lab.example", 0, release, {}}, parents);
  }
};

}  // namespace

TEST_CASE("a quantized file's descent is proven by doing it again") {
  const Quantized q;
  const Reproduced done = must(q.again({q.base}));
  REQUIRE(done.digest == sha256(q.made));
  REQUIRE(done.size == q.made.size());
}

TEST_CASE("a release that is not what the operation gives is refused") {
  Quantized q;
  q.release.files[0].sha256[0] ^= std::byte{1};
  REQUIRE_RULE(q.again({q.base}), rules::reproduce_differs);
}

TEST_CASE("a file that is no parent is refused, and a parent that is not here is incomplete") {
  const Quantized q;
  REQUIRE_RULE(q.again({q.made}), rules::reproduce_no_parent);
  const auto missing = q.again({});
  REQUIRE_RULE(missing, rules::reproduce_parent_missing);
  REQUIRE(missing.error().kind == ErrorKind::incomplete);
}

TEST_CASE("what cannot be performed again is incomplete, never proven") {
  for (const Operation& operation :
       {Operation{"quantize", {{"to", "q5_1"}}}, Operation{"quantize", {}},
        Operation{"quantize", {{"to", "q8_0"}, {"seed", "1"}}}, Operation{"fine-tune", {}}}) {
    Quantized q;
    q.release.operation = operation;
    const auto unknown = q.again({q.base});
    REQUIRE_RULE(unknown, rules::reproduce_unknown);
    REQUIRE(unknown.error().kind == ErrorKind::incomplete);
  }
}
