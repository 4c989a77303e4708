// Files that GPU and RIM verbs read: reports, chains, RIM files, OCSP responses, roots.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "libattest/gpu/device_verdict.h"

namespace CLI {
class App;
}

namespace attest::cli {

struct RootOptions {
  std::string trust;
  std::vector<std::string> device_roots;  // files or folders
  std::vector<std::string> rim_roots;
};
void add_root_options(Command* verb, RootOptions& options, bool device_roots);

struct Roots {
  gpu::RootPins device;
  gpu::RootPins rim;
};
// load_roots gives what was named; NVIDIA's published roots where nothing was.
Result<Roots> load_roots(const RootOptions& options);

// read_rims reads RIM files and the files in folders; in a folder, what is no RIM is passed over.
Result<std::vector<gpu::CollectedRim>> read_rims(const std::vector<std::string>& paths,
                                                 const gpu::RootPins& roots,
                                                 std::optional<Time> at);

// read_golden reads golden values as CoRIM, or inside the statement that carries them; whoever
// names such a file vouches for it.
Result<std::vector<gpu::CollectedRim>> read_golden(const std::vector<std::string>& paths);

// read_ocsp reads every response in a folder; one that is malformed is refused.
Result<std::vector<gpu::OcspResponse>> read_ocsp(const std::string& folder);

// read_time and read_hex read an option's text; a malformed one is wrong usage.
Result<std::optional<Time>> read_time(const std::string& option, const std::string& text);
Result<std::optional<Bytes>> read_hex(const std::string& option, const std::string& text);

}  // namespace attest::cli
