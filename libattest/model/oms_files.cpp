#include "libattest/model/oms_files.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>

#include "libattest/base/text.h"

namespace attest::model {

namespace {

constexpr std::size_t read_size = 1U << 20;

// Job is one signed piece and where its bytes are.
struct Job {
  const std::string* name;
  const OmsPiece* piece;
  OpenedFile* file;
  std::uint64_t begin;
  std::uint64_t end;  // of the file, where the whole file was signed
  DigestCache::Reading reading = {};
  bool read = true;
};

struct Opened {
  std::unique_ptr<OpenedFile> file;
  FileIdentity identity;
};

std::string range_of(const OmsStatement& statement, const OmsPiece& piece) {
  return statement.method == OmsMethod::files
             ? ""
             : " (bytes " + std::to_string(piece.begin) + " to " + std::to_string(piece.end) + ")";
}

// ReportProgress adds up what several threads read.
class ReportProgress {
 public:
  ReportProgress(const Progress& progress, std::uint64_t total)
      : progress_(progress), total_(total) {}
  void add(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    done_ += bytes;
    if (progress_) progress_(done_, total_);
  }

 private:
  const Progress& progress_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::mutex mutex_;
};

Result<Bytes> hash_range(OpenedFile& file, OmsHash hash, std::uint64_t begin, std::uint64_t end,
                         ReportProgress& progress) {
  OmsHasher hasher(hash);
  Bytes piece(std::min<std::uint64_t>(read_size, std::max<std::uint64_t>(end - begin, 1)));
  for (std::uint64_t at = begin; at < end;) {
    const std::size_t want = std::min<std::uint64_t>(piece.size(), end - at);
    TRY(const std::size_t got, file.read_at(at, std::span(piece).first(want)));
    if (got == 0)
      return fail(refused(rules::file_changed, "the file became shorter while it was read")
                      .within(printable(file.name())));
    hasher.update(ByteView(piece).first(got));
    at += got;
    progress.add(got);
  }
  return hasher.finish();
}

Status unchanged(const OpenedFile& file, const FileIdentity& before) {
  TRY(const FileIdentity now, file.identity());
  if (now == before) return {};
  return fail(refused(rules::file_changed, "the file changed while it was checked")
                  .within(printable(file.name())));
}

class Comparison {
 public:
  Comparison(const OmsStatement& statement, const OmsFileOptions& options)
      : statement_(statement),
        options_(options),
        symlinks_(statement.allow_symlinks ? Symlinks::follow_inside : Symlinks::refuse) {}

  Result<OmsComparison> of_directory(const Path& path) {
    TRY(const ModelDirectory directory, ModelDirectory::open(path));
    TRY_VOID(gather_left_out());
    TRY(const auto listed, directory.list(symlinks_, left_out_));
    TRY_VOID(look_at_ignored(directory));
    sort_out_extra(listed);
    // A bounded number is open at a time: a model may have more files than a process may open.
    constexpr std::size_t batch = 256;
    auto file = statement_.files.begin();
    while (file != statement_.files.end()) {
      std::map<std::string, Opened> opened;
      const auto first = file;
      for (std::size_t i = 0; i < batch && file != statement_.files.end(); ++i, ++file)
        TRY_VOID(open(directory, file->first, opened));
      TRY_VOID(compare(first, file, opened));
    }
    TRY(const auto listed_after, directory.list(symlinks_, left_out_));
    if (listed != listed_after)
      return fail(refused(rules::file_changed, "the model's directory changed while it was checked")
                      .within(path.string()));
    TRY_VOID(check_hashed_are_listed(listed));
    std::ranges::sort(found_.differences, {}, &OmsDifference::name);
    return std::move(found_);
  }

  Result<OmsComparison> of_file(const Path& path) {
    const auto& [name, pieces] = *statement_.files.begin();
    const std::string own = path.filename().string();
    if (statement_.files.size() != 1 || (name != "." && name != own)) {
      for (const auto& [each, ignored] : statement_.files)
        if (each != own) found_.differences.push_back({DifferenceKind::missing, each, "", ""});
      if (!statement_.files.contains(own))
        found_.differences.push_back({DifferenceKind::extra, own, "", ""});
      return std::move(found_);
    }
    std::map<std::string, Opened> opened;
    TRY(auto file, OpenedFile::open(path));
    TRY(const FileIdentity identity, file->identity());
    opened.emplace(name, Opened{std::move(file), identity});
    TRY_VOID(compare(statement_.files.begin(), statement_.files.end(), opened));
    return std::move(found_);
  }

 private:
  using Files = std::map<std::string, std::vector<OmsPiece>>;

  Status gather_left_out() {
    left_out_ = left_out_by_default();
    if (!options_.signature_file.empty()) left_out_.insert(options_.signature_file);
    for (const std::string& path : options_.ignore) {
      if (!is_canonical_name(path))
        return fail(refused(rules::oms_ignore, "an ignored path is no plain relative path")
                        .found("\"" + printable(path) + "\""));
      left_out_.insert(path);
    }
    for (const std::string& path : statement_.ignore_paths) left_out_.insert(path);
    return {};
  }

  bool chosen_by_verifier(const std::string& name) const {
    return left_out_by_default().contains(name) || name == options_.signature_file ||
           std::ranges::find(options_.ignore, name) != options_.ignore.end();
  }

  // What the signer left out is looked through for weights, with all below it.
  Status look_at_ignored(const ModelDirectory& directory) {
    for (const std::string& path : statement_.ignore_paths) {
      if (chosen_by_verifier(path)) continue;
      std::vector<std::string> names;
      if (const auto file = directory.open_file(path, Symlinks::follow_inside)) {
        names.push_back(path);
      } else if (const auto folder = directory.folder(path)) {
        TRY(const auto below, folder->list(Symlinks::follow_inside));
        for (const DirectoryFile& each : below) names.push_back(path + "/" + each.name);
      }
      for (const std::string& name : names) {
        if (statement_.files.contains(name)) continue;
        found_.not_covered.push_back(name);
        if (looks_like_weights(name))
          found_.differences.push_back({DifferenceKind::unsafe, name, "signed weights",
                                        "weights that the signer left out of the signature"});
      }
    }
    return {};
  }

  void sort_out_extra(const std::vector<DirectoryFile>& listed) {
    for (const DirectoryFile& each : listed) {
      if (statement_.files.contains(each.name)) continue;
      const bool empty_shards = statement_.method == OmsMethod::shards && each.identity.size == 0;
      if (options_.ignore_unsigned || empty_shards)
        found_.not_covered.push_back(each.name);
      else
        found_.differences.push_back({DifferenceKind::extra, each.name, "", ""});
    }
  }

  Status open(const ModelDirectory& directory, const std::string& name,
              std::map<std::string, Opened>& opened) {
    auto file = directory.open_file(name, symlinks_);
    if (!file && file.error().rule == rules::directory_missing) {
      found_.differences.push_back({DifferenceKind::missing, name, "", ""});
      return {};
    }
    if (!file) return fail(std::move(file).error());
    TRY(const FileIdentity identity, (*file)->identity());
    opened.emplace(name, Opened{*std::move(file), identity});
    return {};
  }

  // compare hashes every piece of the opened files, spread over the executor.
  Status compare(Files::const_iterator first, Files::const_iterator last,
                 const std::map<std::string, Opened>& opened) {
    std::vector<Job> jobs;
    std::uint64_t total = found_.bytes;
    for (auto file = first; file != last; ++file) {
      const auto place = opened.find(file->first);
      if (place == opened.end()) continue;
      if (!sized_as_signed(file->first, file->second, place->second)) continue;
      for (const OmsPiece& piece : file->second) {
        const bool whole = statement_.method == OmsMethod::files;
        jobs.push_back({&file->first, &piece, place->second.file.get(), piece.begin,
                        whole ? place->second.identity.size : piece.end});
      }
      total += place->second.identity.size;
    }
    ReportProgress progress(options_.progress, total);
    progress.add(found_.bytes);
    std::vector<Result<Bytes>> digests(jobs.size(), Bytes());
    options_.executor(jobs.size(), [&](std::size_t i) {
      if (const auto known = look_up(jobs[i])) {
        digests[i] = *known;
        return;
      }
      digests[i] = hash_range(*jobs[i].file, statement_.hash, jobs[i].begin, jobs[i].end, progress);
    });
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (!jobs[i].read) continue;
      found_.bytes += jobs[i].end - jobs[i].begin;
      if (uses_cache() && digests[i])
        options_.cache->learn(*jobs[i].file, jobs[i].reading, statement_.hash, *digests[i]);
    }
    return judge(jobs, digests, opened);
  }

  bool uses_cache() const {
    return options_.cache != nullptr && statement_.method == OmsMethod::files;
  }

  // look_up gives what the cache knows, or notes how the file was before it is read.
  std::optional<Bytes> look_up(Job& job) const {
    if (!uses_cache()) return std::nullopt;
    auto known = options_.cache->known(*job.file, statement_.hash);
    job.read = !known;
    if (job.read)
      if (const auto reading = DigestCache::begin(*job.file, options_.now_ns))
        job.reading = *reading;
    return known;
  }

  bool sized_as_signed(const std::string& name, const std::vector<OmsPiece>& pieces,
                       const Opened& opened) {
    if (statement_.method == OmsMethod::files || pieces.back().end == opened.identity.size)
      return true;
    found_.differences.push_back({DifferenceKind::differs, name,
                                  with_thousands(pieces.back().end) + " bytes",
                                  with_thousands(opened.identity.size) + " bytes"});
    return false;
  }

  Status judge(const std::vector<Job>& jobs, std::vector<Result<Bytes>>& digests,
               const std::map<std::string, Opened>& opened) {
    std::set<std::string> wrong;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (!digests[i]) return fail(std::move(digests[i]).error());
      if (equal(*digests[i], jobs[i].piece->digest)) continue;
      wrong.insert(*jobs[i].name);
      const std::string range = range_of(statement_, *jobs[i].piece);
      found_.differences.push_back({DifferenceKind::differs, *jobs[i].name,
                                    to_hex(jobs[i].piece->digest) + range, to_hex(*digests[i])});
    }
    std::set<std::string> judged;
    for (const Job& job : jobs) {
      if (!judged.insert(*job.name).second) continue;
      const Opened& place = opened.at(*job.name);
      TRY_VOID(unchanged(*place.file, place.identity));
      if (!wrong.contains(*job.name)) found_.files.push_back({*job.name, place.identity});
    }
    return {};
  }

  // A name that led to one file when it was listed and to another when it was opened was swapped.
  Status check_hashed_are_listed(const std::vector<DirectoryFile>& listed) const {
    for (const OmsCheckedFile& file : found_.files) {
      const auto place = std::ranges::lower_bound(listed, file.name, {}, &DirectoryFile::name);
      const bool there = place != listed.end() && place->name == file.name;
      if (there && place->identity != file.identity)
        return fail(refused(rules::file_changed, "the file was swapped while it was checked")
                        .within(printable(file.name)));
    }
    return {};
  }

  const OmsStatement& statement_;
  const OmsFileOptions& options_;
  Symlinks symlinks_;
  std::set<std::string> left_out_;
  OmsComparison found_;
};

}  // namespace

std::string_view to_string(DifferenceKind kind) {
  switch (kind) {
    case DifferenceKind::differs:
      return "differs";
    case DifferenceKind::missing:
      return "missing";
    case DifferenceKind::extra:
      return "extra";
    case DifferenceKind::unsafe:
      break;
  }
  return "unsafe";
}

const std::set<std::string>& left_out_by_default() {
  static const std::set<std::string> names{".git", ".gitattributes", ".github", ".gitignore"};
  return names;
}

bool looks_like_weights(std::string_view name) {
  constexpr std::array<std::string_view, 18> endings{
      ".safetensors", ".gguf",    ".ggml",  ".bin",  ".pt",     ".pth",
      ".ckpt",        ".h5",      ".keras", ".onnx", ".tflite", ".npz",
      ".npy",         ".msgpack", ".pb",    ".pkl",  ".pickle", ".mlmodel"};
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return std::ranges::any_of(endings, [&](auto ending) { return lower.ends_with(ending); });
}

Result<OmsComparison> compare_model_files(const VerifiedOmsStatement& statement, const Path& path,
                                          const OmsFileOptions& options) {
  std::error_code error;
  Comparison comparison(statement.statement(), options);
  if (std::filesystem::is_directory(path, error)) return comparison.of_directory(path);
  return comparison.of_file(path);
}

}  // namespace attest::model
