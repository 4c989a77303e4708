#include "cli/collateral_files.h"

#include "libattest/tee/collateral.h"

namespace attest::cli {

Result<std::vector<Path>> files_at(const std::string& place) {
  std::error_code error;
  if (!std::filesystem::is_directory(place, error)) return std::vector<Path>{Path(place)};
  TRY(const auto names, system_files().list(place));
  std::vector<Path> paths;
  for (const std::string& name : names)
    if (const Path path = Path(place) / name; std::filesystem::is_regular_file(path, error))
      paths.push_back(path);
  return paths;
}

Result<std::vector<Certificate>> certificates_at(const std::vector<std::string>& places,
                                                 std::vector<std::string>& passed_over) {
  std::vector<Certificate> all;
  for (const std::string& place : places) {
    TRY(const std::vector<Path> paths, files_at(place));
    for (const Path& path : paths) {
      TRY(const Bytes content, read_file(path, 1U << 20));
      const auto found = Certificate::from_der_or_pem(content);
      if (found)
        all.insert(all.end(), found->begin(), found->end());
      else
        passed_over.push_back(path.string());
    }
  }
  return all;
}

Result<std::vector<Bytes>> crls_at(const std::vector<std::string>& places,
                                   std::vector<std::string>& passed_over) {
  tee::Collateral collateral;
  for (const std::string& place : places) {
    TRY(const std::vector<Path> paths, files_at(place));
    for (const Path& path : paths) {
      TRY(const Bytes content, read_file(path, 16U << 20));
      const std::size_t before = collateral.crls.size();
      TRY_WITHIN(path.string(), [[maybe_unused]] const bool taken, collateral.add(content));
      if (collateral.crls.size() == before) passed_over.push_back(path.string());
    }
  }
  return std::move(collateral.crls);
}

}  // namespace attest::cli
