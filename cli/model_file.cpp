#include "cli/model_file.h"

#include "libattest/model/gguf.h"

namespace attest::cli {

ModelPlaces places_of(const Path& file, const std::string& bundle) {
  const Path folder = file.string() + ".attest";
  return {file, bundle.empty() ? folder / "bundle.cbor" : Path(bundle), folder / "tree"};
}

Result<Bytes> read_bundle(const ModelPlaces& places) {
  auto bundle = read_file(places.bundle, lineage::max_bundle_size);
  if (!bundle && bundle.error().rule == rules::file_unreadable)
    return fail(
        std::move(bundle.error())
            .next("fetch it: attestctl lineage bundle " + places.file.string() + " --server URL"));
  return bundle;
}

Result<lineage::PresentedFile> present_file(const Path& file, Terminal& terminal) {
  TRY(const auto opened, system_files().open(file, OpenMode::read));
  TRY(const auto digests, model::digest_file(*opened, [&](std::uint64_t done, std::uint64_t total) {
        terminal.progress("hashing " + file.filename().string(), done, total);
      }));
  std::array<std::byte, 4> magic{};
  TRY(const std::size_t got, opened->read_at(0, magic));
  const bool gguf = got == magic.size() && as_text(magic) == "GGUF";
  if (gguf) {
    TRY_WITHIN(file.string(), [[maybe_unused]] const auto parsed, model::read_gguf(*opened));
  }
  return lineage::PresentedFile{file.string(), digests, gguf ? "gguf" : ""};
}

Result<lineage::ReleasePolicy> load_release_policy(const std::string& path) {
  if (path.empty()) return lineage::parse_release_policy("version = 1\n", "(no policy)");
  return lineage::read_release_policy(path);
}

}  // namespace attest::cli
