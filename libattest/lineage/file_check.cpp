#include "libattest/lineage/file_check.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/model/format.h"
#include "libattest/model/gguf.h"
#include "libattest/model/safetensors.h"

namespace attest::lineage {

namespace {

using model::FileFormat;

constexpr std::size_t front_size = 4096;
constexpr std::size_t max_text_size = 64U << 20;
constexpr std::size_t max_pointer_size = 1024;

Result<Bytes> read_up_to(File& file, std::uint64_t most) {
  TRY(const std::uint64_t size, file.size());
  Bytes bytes(static_cast<std::size_t>(std::min(size, most)));
  TRY(const std::size_t got, file.read_at(0, bytes));
  bytes.resize(got);
  return bytes;
}

// A pointer of git-lfs, version 1: lines "version …", "oid sha256:…", "size …".
std::optional<ModelCheck> pointer_in(std::string_view front, const std::string& name) {
  constexpr std::string_view first = "version https://git-lfs.github.com/spec/v1\n";
  if (front.size() > max_pointer_size || !front.starts_with(first)) return std::nullopt;
  std::string found;
  for (const std::string_view line : split(front, '\n'))
    if (line.starts_with("oid ") || line.starts_with("size "))
      found += (found.empty() ? "" : ", ") + printable(line, 100);
  return check_of(incomplete(rules::file_is_pointer, "this is a git-lfs pointer, not the model")
                      .expected("the file it points to")
                      .found(found)
                      .next("fetch it: git lfs pull --include=\"" + printable(name) + "\""));
}

Result<std::vector<model::Finding>> code_in(File& file, FileFormat format) {
  std::vector<model::Finding> findings = model::code_by_format(format);
  if (format != FileFormat::configuration && format != FileFormat::template_text) return findings;
  TRY(const Bytes text, read_up_to(file, max_text_size + 1));
  if (text.size() > max_text_size)
    return fail(refused(rules::file_too_large, "a configuration is too large to be looked at")
                    .expected("at most " + with_thousands(max_text_size) + " bytes"));
  if (format == FileFormat::template_text) return model::code_in_template(as_text(text));
  return model::code_in_configuration(as_text(text));
}

Result<std::vector<model::Finding>> described(File& file, FileFormat format) {
  if (format == FileFormat::safetensors) {
    TRY_VOID(model::read_safetensors(file));
    return std::vector<model::Finding>{};
  }
  TRY(const model::Gguf gguf, model::read_gguf(file));
  const auto text = gguf.text("tokenizer.chat_template");
  return text ? model::code_in_template(*text) : std::vector<model::Finding>{};
}

void tell(LookedAt& looked, Result<std::vector<model::Finding>> findings) {
  if (!findings) {
    looked.checks.push_back(check_of(findings.error()));
    return;
  }
  for (const model::Finding& finding : *findings)
    looked.checks.push_back(check_of(refused(finding.rule, finding.what)
                                         .expected("data, such as safetensors or GGUF")
                                         .found(looked.format)
                                         .within(finding.where)));
}

bool names(const ReleasePolicy& policy, const std::string& format) {
  return policy.formats &&
         std::ranges::find(policy.formats->value, format) != policy.formats->value.end();
}

}  // namespace

Result<LookedAt> look_at(File& file, const std::string& name, const ReleasePolicy& policy,
                         const Digester& digester) {
  TRY(const Bytes front, read_up_to(file, front_size));
  const FileFormat format = model::tell_format(Path(name).filename().string(), front);
  LookedAt looked;
  looked.format = std::string(model::to_string(format));
  if (auto pointer = pointer_in(as_text(front), name)) {
    looked.is_pointer = true;
    looked.checks.push_back(*std::move(pointer));
  } else if (format == FileFormat::gguf || format == FileFormat::safetensors) {
    tell(looked, described(file, format));
  } else if (!names(policy, looked.format)) {
    tell(looked, code_in(file, format));
  }
  TRY(looked.digests, digester(file));
  return looked;
}

std::optional<model::FileDigests> enforced_digests(std::span<const statement::ModelFile> named,
                                                   std::uint64_t size,
                                                   const model::KernelVerity& enforced) {
  const auto fsverity = enforced.sha256();
  for (const statement::ModelFile& file : named)
    if (fsverity && file.size == size && file.fsverity == *fsverity)
      return model::FileDigests{size, file.sha256, *fsverity};
  return std::nullopt;
}

bool is_no_model(const std::string& name, const ReleasePolicy& policy) {
  const std::string last = Path(name).filename().string();
  return policy.not_models &&
         std::ranges::any_of(policy.not_models->value, [&](const std::string& pattern) {
           return matches_glob(pattern, name) || matches_glob(pattern, last);
         });
}

}  // namespace attest::lineage
