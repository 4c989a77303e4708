#include "cli/model_file.h"

#include "cli/model_subject.h"
#include "libattest/lineage/file_check.h"

namespace attest::cli {

ModelPlaces places_of(const Path& file, const std::string& bundle) {
  // "models/" and "models" are one model.
  const Path model = file.has_filename() ? file : file.parent_path();
  const Path folder = model.string() + ".attest";
  return {model, bundle.empty() ? folder / "bundle.cbor" : Path(bundle), folder / "tree"};
}

Result<Bytes> read_bundle(const ModelPlaces& places) {
  auto bundle = read_file(places.bundle, lineage::max_bundle_size);
  if (!bundle && bundle.error().rule == rules::file_unreadable)
    return fail(
        std::move(bundle.error())
            .next("fetch it: attestctl lineage bundle " + places.file.string() + " --server URL"));
  return bundle;
}

namespace {

Result<lineage::PresentedFile> present_directory(const Path& path, Terminal& terminal) {
  lineage::PresentedFile presented;
  presented.name = path.string();
  TRY(const auto files, files_of(path, &terminal));
  for (const statement::ModelFile& file : files)
    presented.parts.push_back({file.name, {file.size, file.sha256, file.fsverity}});
  return presented;
}

}  // namespace

Result<lineage::PresentedFile> present_file(const Path& file, Terminal& terminal) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) return present_directory(file, terminal);
  TRY(const auto opened, system_files().open(file, OpenMode::read));
  TRY(lineage::LookedAt looked, lineage::look_at(*opened, file.string(), {}, [&](File& open) {
        return model::digest_file(open, [&](std::uint64_t done, std::uint64_t total) {
          terminal.progress("hashing " + file.filename().string(), done, total);
        });
      }));
  if (!looked.checks.empty()) {
    const lineage::ModelCheck& first = looked.checks.front();
    const Rule rule = looked.is_pointer ? rules::file_is_pointer : rules::model_format;
    Error error = looked.is_pointer ? incomplete(rule, first.why) : refused(rule, first.why);
    return fail(std::move(error.expected(first.expected).found(first.found)).within(file.string()));
  }
  return lineage::PresentedFile{file.string(), looked.digests, looked.format};
}

Result<lineage::ReleasePolicy> load_release_policy(const std::string& path) {
  if (path.empty()) return lineage::parse_release_policy("version = 1\n", "(no policy)");
  return lineage::read_release_policy(path);
}

}  // namespace attest::cli
