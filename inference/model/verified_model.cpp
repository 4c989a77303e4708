#include "inference/model/verified_model.h"

#include <algorithm>

namespace attest::inference {

namespace {

constexpr std::uint64_t max_tree_size = 8ULL << 30;

Path bundle_folder(const Path& path, const std::optional<Path>& bundle) {
  if (!bundle) return path.string() + ".attest";
  return std::filesystem::is_directory(*bundle) ? *bundle : bundle->parent_path();
}

Path bundle_file(const Path& path, const std::optional<Path>& bundle) {
  if (bundle && !std::filesystem::is_directory(*bundle)) return *bundle;
  return bundle_folder(path, bundle) / "bundle.cbor";
}

Result<model::ExpectedFile> expected_file(const lineage::VerifiedBundle& bundle) {
  const statement::ModelRelease* release = bundle.release().release();
  if (!release || release->files.size() != 1)
    return fail(refused(rules::model_refused, "what was released is no single model file")
                    .found(bundle.subject().text()));
  const statement::ModelFile& file = release->files.front();
  return model::ExpectedFile{file.size, file.sha256, file.fsverity};
}

// first_reason makes the worst check of a verdict into the error that a caller shows.
Error first_reason(const lineage::ModelVerdict& verdict) {
  const auto reason =
      std::ranges::find(verdict.checks, verdict.outcome, &lineage::ModelCheck::outcome);
  const bool is_refused = verdict.outcome == result::Verdict::refused;
  const std::string what = reason == verdict.checks.end() ? "the model did not pass" : reason->why;
  Error error =
      is_refused ? refused(rules::model_refused, what) : incomplete(rules::model_refused, what);
  if (reason == verdict.checks.end()) return error;
  return std::move(error).expected(reason->expected).found(reason->found).within(reason->place);
}

Result<std::optional<Bytes>> read_tree(const Path& folder) {
  const Path path = folder / "tree";
  TRY(const bool there, system_files().exists(path));
  if (!there) return std::optional<Bytes>();
  TRY(Bytes tree, read_file(path, max_tree_size));
  return std::optional(std::move(tree));
}

struct Judged {
  lineage::VerifiedBundle bundle;
  lineage::ModelVerdict verdict;
  model::ExpectedFile expected;
};

// The verdict is on the file the release names; that a file is that one, its bytes must tell.
Result<Judged> judge_released(const Path& path, const std::optional<Path>& bundle_path,
                              const TrustRoot& trust, const lineage::ReleasePolicy& policy,
                              Time now) {
  const Path bundle_at = bundle_file(path, bundle_path);
  TRY(const Bytes bundle_bytes, read_file(bundle_at, lineage::max_bundle_size));
  TRY_WITHIN(bundle_at.string(), const auto untrusted, lineage::decode_bundle(bundle_bytes));
  TRY_WITHIN(bundle_at.string(), lineage::VerifiedBundle bundle,
             lineage::verify_bundle(untrusted, trust, now));
  TRY_WITHIN(path.string(), const model::ExpectedFile expected, expected_file(bundle));
  const lineage::PresentedFile presented{
      path.filename().string(), {expected.size, expected.sha256, expected.fsverity}, "gguf"};
  lineage::ModelVerdict verdict = lineage::judge_model(bundle, presented, policy, now);
  if (verdict.outcome != result::Verdict::pass)
    return fail(first_reason(verdict).within(path.string()));
  return Judged{std::move(bundle), std::move(verdict), expected};
}

Result<std::variant<Transformer, Encoder>> load_network(model::VerifiedFile& file,
                                                        std::string_view architecture) {
  if (architecture == Encoder::architecture) return Encoder::load(file);
  return Transformer::load(file);
}

}  // namespace

const Sha256& RunnableModel::sha256() const {
  return encoder() ? encoder()->sha256() : transformer()->sha256();
}

const Sha256& RunnableModel::fsverity() const {
  return encoder() ? encoder()->fsverity() : transformer()->fsverity();
}

Result<const Transformer*> writing_model(const RunnableModel& model) {
  if (model.transformer()) return model.transformer();
  return fail(refused(rules::model_other_kind, "this model makes vectors of texts, and writes none")
                  .next("ask it at /v1/embeddings"));
}

Result<const Encoder*> embedding_model(const RunnableModel& model) {
  if (model.encoder()) return model.encoder();
  return fail(refused(rules::model_other_kind,
                      "this model writes texts; its file says no way to make one vector of them")
                  .next("serve a file with a pooling, as encoders have it"));
}

Result<RunnableModel> open_verified_model(const Path& path, const std::optional<Path>& bundle_path,
                                          const TrustRoot& trust,
                                          const lineage::ReleasePolicy& policy, Time now) {
  TRY(Judged judged, judge_released(path, bundle_path, trust, policy, now));
  TRY(const std::optional<Bytes> tree, read_tree(bundle_folder(path, bundle_path)));
  TRY(model::VerifiedFile file, model::VerifiedFile::open(path, judged.expected, tree));
  TRY(const model::Gguf gguf, file.read_description());
  TRY_WITHIN(path.string(), Tokenizer tokenizer, Tokenizer::read(gguf));
  TRY_WITHIN(path.string(), std::string chat_template, gguf.text_or("tokenizer.chat_template", ""));
  TRY(const std::string architecture, gguf.text("general.architecture"));
  TRY(RunnableModel::Network network, load_network(file, architecture));
  return RunnableModel(std::move(network), std::move(tokenizer), std::move(chat_template),
                       std::move(judged.bundle), std::move(judged.verdict));
}

Result<lineage::VerifiedBundle> judge_again(const RunnableModel& model, const Path& path,
                                            const std::optional<Path>& bundle,
                                            const TrustRoot& trust,
                                            const lineage::ReleasePolicy& policy, Time now) {
  TRY(Judged judged, judge_released(path, bundle, trust, policy, now));
  if (judged.expected.sha256 != model.sha256())
    return fail(
        incomplete(rules::model_other_file, "the bundle is about another file than is loaded")
            .expected(digest_uri(model.sha256()))
            .found(digest_uri(judged.expected.sha256))
            .next("load it: systemctl reload inferd")
            .within(path.string()));
  return std::move(judged.bundle);
}

}  // namespace attest::inference
