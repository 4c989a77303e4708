#include "cli/gate_models.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "cli/model_file.h"
#include "libattest/base/text.h"
#include "libattest/lineage/file_check.h"
#include "libattest/model/directory.h"
#include "libattest/statement/artefact.h"

namespace attest::cli {

namespace {

using lineage::GatedModel;
using lineage::ModelCheck;
using lineage::ModelVerdict;

bool has_bundle(const Path& directory) {
  std::error_code ignored;
  return std::filesystem::exists(places_of(directory).bundle, ignored);
}

bool is_beside(const std::string& name) {
  const std::string folder = name.substr(0, name.rfind('/') + 1);
  return folder.find(".attest/") != std::string::npos || folder.starts_with(".git/");
}

// The files below a directory, but for those of model directories within it, which are one model.
Status find_below(const Path& root, const lineage::ReleasePolicy& policy, FoundModels& found) {
  TRY_WITHIN(root.string(), const auto directory, model::ModelDirectory::open(root));
  TRY_WITHIN(root.string(), const auto files, directory.list(model::Symlinks::refuse, {".git"}));
  std::string model_folder;  // ending in '/', the last that was found
  for (const model::DirectoryFile& file : files) {
    if (!model_folder.empty() && file.name.starts_with(model_folder)) continue;
    if (is_beside(file.name)) continue;
    Path above = Path(file.name).parent_path();
    Path topmost;  // the outermost folder on the way that has a bundle
    for (; !above.empty(); above = above.parent_path())
      if (has_bundle(root / above)) topmost = above;
    if (!topmost.empty()) {
      model_folder = topmost.string() + "/";
      found.models.push_back({root / topmost, true});
      continue;
    }
    if (lineage::is_no_model(file.name, policy))
      found.left_out.push_back((root / file.name).string());
    else
      found.models.push_back({root / file.name, false});
  }
  return {};
}

struct Looked {
  lineage::PresentedFile presented;
  std::vector<ModelCheck> checks;
  bool is_pointer = false;
};

using ClaimedFiles = std::vector<statement::ModelFile>;

Result<Looked> look_at_file(const Path& path, const GateRules& asked, const ClaimedFiles& claimed) {
  TRY(const auto file, model::OpenedFile::open(path));
  TRY(lineage::LookedAt at, lineage::look_at(*file, path.string(), asked.policy, [&](File&) {
        return asked.digests.of(*file, claimed);
      }));
  Looked looked;
  looked.presented.name = path.string();
  looked.presented.digests = at.digests;
  looked.presented.format = at.format;
  looked.checks = std::move(at.checks);
  looked.is_pointer = at.is_pointer;
  return looked;
}

Result<Looked> look_at_directory(const Path& path, const GateRules& asked,
                                 const ClaimedFiles& claimed) {
  TRY_WITHIN(path.string(), const auto directory, model::ModelDirectory::open(path));
  TRY_WITHIN(path.string(), const auto files, directory.list(model::Symlinks::refuse, {".git"}));
  Looked looked;
  looked.presented.name = path.string();
  for (const model::DirectoryFile& each : files) {
    TRY_WITHIN(path.string(), const auto file,
               directory.open_file(each.name, model::Symlinks::refuse));
    TRY_WITHIN(path.string() + "/" + each.name, lineage::LookedAt at,
               lineage::look_at(*file, each.name, asked.policy,
                                [&](File&) { return asked.digests.of(*file, claimed); }));
    for (ModelCheck& check : at.checks) check.why = each.name + ": " + check.why;
    std::ranges::move(at.checks, std::back_inserter(looked.checks));
    looked.is_pointer = looked.is_pointer || at.is_pointer;
    if (at.format == "gguf" || at.format == "safetensors") looked.presented.format = at.format;
    looked.presented.parts.push_back({each.name, at.digests});
  }
  return looked;
}

// The subject of a directory is that of a release of its files.
std::string subject_of(const lineage::PresentedFile& presented) {
  if (presented.parts.empty()) return digest_uri(presented.digests.sha256);
  statement::ModelRelease release;
  for (const lineage::PresentedPart& part : presented.parts)
    release.files.push_back(
        {part.name, part.digests.size, part.digests.sha256, part.digests.fsverity});
  return statement::subject_of(release).text();
}

// The command that shows more about the first thing that did not hold.
std::string more_about(const ModelVerdict& verdict, const Path& path, const GateRules& asked) {
  const auto first = std::ranges::find_if(verdict.checks, [](const ModelCheck& check) {
    return check.outcome != result::Verdict::pass;
  });
  if (first == verdict.checks.end()) return {};
  if (first->name == rules::file_is_pointer.name)
    return "git lfs pull --include=\"" + path.string() + "\"";
  if (first->name.starts_with("model.")) return "attestctl model inspect " + path.string();
  if (first->name == rules::file_unreadable.name)
    return "attestctl lineage bundle " + path.string() + " --server URL";
  return "attestctl lineage graph " + path.string() + asked.trust_option;
}

// What a bundle's releases say of the model's files: only to be compared with what the kernel says.
ClaimedFiles claimed_in(const Result<Bytes>& bundle) {
  if (!bundle) return {};
  const auto untrusted = lineage::decode_bundle(*bundle);
  return untrusted ? lineage::claimed_files(*untrusted) : ClaimedFiles();
}

GatedModel judge_one(const GateModel& model, const GateRules& asked) {
  GatedModel gated;
  gated.path = model.path.string();
  const auto bundle = read_bundle(places_of(model.path));
  const ClaimedFiles claimed = claimed_in(bundle);
  auto looked = model.directory ? look_at_directory(model.path, asked, claimed)
                                : look_at_file(model.path, asked, claimed);
  if (!looked) {
    gated.verdict = lineage::verdict_of(looked.error());
    return gated;
  }
  looked->presented.region = asked.region;
  gated.subject = subject_of(looked->presented);
  if (looked->is_pointer) {
    // Its digest is the pointer's: no statement speaks of that, so there is nothing to look up.
    gated.verdict.not_checked.emplace_back("everything: the model itself is not here");
  } else if (bundle) {
    gated.bundle = sha256(*bundle);
    gated.verdict =
        lineage::judge_bundle(*bundle, asked.trust, looked->presented, asked.policy, asked.now);
  } else {
    gated.verdict = lineage::verdict_of(bundle.error());
  }
  lineage::add_checks(gated.verdict, std::move(looked->checks));
  return gated;
}

// A file that is no model passes unless a loader would run code from it.
GatedModel judge_left_out(const std::string& path, const GateRules& asked) {
  GatedModel gated;
  gated.path = path;
  auto looked = look_at_file(path, asked, {});
  if (!looked) {
    gated.verdict = lineage::verdict_of(looked.error());
    return gated;
  }
  gated.subject = subject_of(looked->presented);
  gated.verdict.not_checked.push_back("its descent: " + asked.policy.not_models->place +
                                      " says that it is no model");
  lineage::add_checks(gated.verdict, std::move(looked->checks));
  return gated;
}

void in_parallel(std::size_t count, const std::function<void(std::size_t)>& task) {
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t at = next++; at < count; at = next++) task(at);
  };
  std::vector<std::jthread> workers;
  for (std::size_t i = 1; i < std::min(cores, count); ++i) workers.emplace_back(work);
  work();
}

}  // namespace

Result<FoundModels> models_in(const std::vector<std::string>& named,
                              const lineage::ReleasePolicy& policy) {
  FoundModels found;
  for (const std::string& name : named) {
    std::error_code error;
    const Path path = Path(name).has_filename() ? Path(name) : Path(name).parent_path();
    if (!std::filesystem::is_directory(std::filesystem::symlink_status(path, error))) {
      found.models.push_back({path, false});
    } else if (has_bundle(path)) {
      found.models.push_back({path, true});
    } else {
      TRY_VOID(find_below(path, policy, found));
    }
  }
  std::ranges::sort(found.models, {}, &GateModel::path);
  if (found.models.empty())
    return fail(usage_error("no model was named, and none lies in the directories named"));
  return found;
}

std::vector<GatedModel> judge_all(const FoundModels& found, const GateRules& asked) {
  const std::size_t models = found.models.size();
  std::vector<GatedModel> gated(models + found.left_out.size());
  in_parallel(gated.size(), [&](std::size_t i) {
    const auto start = std::chrono::steady_clock::now();
    gated[i] = i < models ? judge_one(found.models[i], asked)
                          : judge_left_out(found.left_out[i - models], asked);
    gated[i].more = more_about(gated[i].verdict, gated[i].path, asked);
    gated[i].took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                           std::chrono::steady_clock::now() - start)
                           .count();
  });
  // What is no model is worth a word only where something is wrong with it.
  std::erase_if(gated, [&](const GatedModel& each) {
    return each.verdict.checks.empty() && each.verdict.outcome == result::Verdict::pass;
  });
  return gated;
}

}  // namespace attest::cli
