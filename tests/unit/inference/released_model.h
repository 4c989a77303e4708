// A small model released in a log in memory, its bundle and tree beside it on disk.
#pragma once

#include "inference/model/verified_model.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_log.h"
#include "tests/unit/inference/small_model.h"

namespace attest::inference {

struct ReleasedModel {
  static constexpr Time cosigned{Seconds(1'795'000'000)};
  static constexpr Time now = cosigned + Seconds(60);

  test::TestLog log;
  const test::TestIssuer& lab = log.issuer("tiny@lab.example", {"model-release", "revocation"});
  TemporaryDirectory here;
  Path path = here.path() / "tiny.gguf";
  // Refuses what has a system message.
  static constexpr const char* chat_template =
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
      "{% endif %}{{ m.content }}{% if m.tool_calls %}"
      "{{ m.tool_calls[0].function.arguments | tojson }}{% endif %}{% endfor %}"
      "{% if add_generation_prompt %}c{% endif %}{{ tools | length if tools }}";
  Bytes file;
  model::DigestsWithLeaves both = model::digest_bytes_with_leaves(file);
  statement::Subject subject = statement::Subject::artefact(both.digests.sha256);

  explicit ReleasedModel(Bytes of = small_model({.chat_template = chat_template}))
      : file(std::move(of)) {
    statement::ModelRelease release;
    release.name = "tiny";
    release.licence = "apache-2.0";
    release.files = {{"tiny.gguf", both.digests.size, both.digests.sha256, both.digests.fsverity}};
    log.release(lab, release);
    const Path beside = path.string() + ".attest";
    must(system_files().make_directories(beside));
    must(write_file_atomically(path, file));
    must(write_file_atomically(beside / "tree", model::make_block_tree(both.leaves)));
  }
  // write_bundle writes what the log proves by now.
  void write_bundle() {
    const auto bundle = log.bundle(subject, {cosigned, cosigned});
    must(write_file_atomically(path.string() + ".attest/bundle.cbor",
                               lineage::encode_bundle(bundle)));
  }
  Result<RunnableModel> open() {
    write_bundle();
    return open_verified_model(path, {}, log.trust(), {}, now);
  }
};

}  // namespace attest::inference
