#include "libattest/tpm/ima_policy.h"

#include <algorithm>
#include <regex>
#include <unordered_map>

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::tpm {
namespace {

Error wrong_form(std::string what) {
  return refused(rules::ima_policy_form, std::move(what));
}

struct Transparent {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};
using Texts = std::vector<std::string>;
using ByName = std::unordered_map<std::string, Texts, Transparent, std::equal_to<>>;

// A digest is kept as "<hex>", or as "<algorithm>:<hex>" where the policy names one.
Result<std::string> digest_text(const Json& value) {
  if (!value.is_string()) return fail(wrong_form("a digest is no text"));
  const std::string text = value.get<std::string>();
  const auto colon = text.find(':');
  const std::string_view hex =
      std::string_view(text).substr(colon == std::string::npos ? 0 : colon + 1);
  if (hex.empty() || !from_hex(hex))
    return fail(wrong_form("a digest is not hexadecimal").found(printable(text, 80)));
  std::string lower = text;
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

Result<ByName> digests_by_name(const Json& policy, const char* member) {
  ByName names;
  const auto found = policy.find(member);
  if (found == policy.end()) return names;
  if (!found->is_object()) return fail(wrong_form(std::string(member) + " is no object"));
  names.reserve(found->size());
  for (const auto& [name, digests] : found->items()) {
    if (!digests.is_array()) return fail(wrong_form("the digests of a path are no list"));
    Texts& all = names[name];
    for (const Json& digest : digests) {
      TRY_WITHIN(printable(name, 120), std::string text, digest_text(digest));
      all.push_back(std::move(text));
    }
  }
  return names;
}

// Exclude is one pattern, in the cheapest form that says the same. Keylime matches from the path's
// start (Python's re.match), not to its end.
struct Exclude {
  std::string prefix;               // where the pattern is plain text, or text and ".*"
  std::optional<std::regex> regex;  // else
};

// plain gives the text of a pattern that has no operators but a final ".*" or "$"; nothing
// otherwise.
std::optional<std::string> plain(std::string_view pattern) {
  if (pattern.starts_with('^')) pattern.remove_prefix(1);
  if (pattern.ends_with(".*")) pattern.remove_suffix(2);
  std::string text;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size() &&
        std::string_view("./-+_\\()[]{}*?^$|").find(pattern[i + 1]) != std::string_view::npos) {
      text.push_back(pattern[++i]);
      continue;
    }
    if (std::string_view(".[]()*+?{}|^$\\").find(pattern[i]) != std::string_view::npos)
      return std::nullopt;
    text.push_back(pattern[i]);
  }
  return text;
}

// The standard library answers a bad pattern with an exception; here it becomes an error.
Result<Exclude> compile(const std::string& pattern) {
  if (auto text = plain(pattern)) return Exclude{*std::move(text), std::nullopt};
  try {
    return Exclude{"", std::regex(pattern, std::regex::ECMAScript | std::regex::optimize)};
  } catch (const std::regex_error& error) {
    return fail(refused(rules::ima_policy_exclude, "an exclude is no regular expression")
                    .found(printable(pattern, 120) + ": " + error.what()));
  }
}

// std::regex goes as deep as its text is long.
constexpr std::size_t longest_matched_path = 4096;

}  // namespace

struct ImaAllowList::Compiled {
  ByName digests;
  ByName keyrings;
  ByName buffers;
  Texts ignored_keyrings;
  std::vector<Exclude> excludes;
  std::vector<ImaKey> keys;

  bool is_excluded(std::string_view path) const {
    return std::ranges::any_of(excludes, [path](const Exclude& exclude) {
      if (!exclude.regex) return path.starts_with(exclude.prefix);
      return path.size() <= longest_matched_path &&
             std::regex_search(path.begin(), path.end(), *exclude.regex,
                               std::regex_constants::match_continuous);
    });
  }
};

namespace {

Result<std::vector<Exclude>> read_excludes(const Json& policy) {
  std::vector<Exclude> excludes;
  const auto found = policy.find("excludes");
  if (found == policy.end() || found->is_null()) return excludes;
  if (!found->is_array()) return fail(wrong_form("excludes are no list"));
  for (const Json& pattern : *found) {
    if (!pattern.is_string()) return fail(wrong_form("an exclude is no text"));
    TRY(Exclude exclude, compile(pattern.get<std::string>()));
    excludes.push_back(std::move(exclude));
  }
  return excludes;
}

Result<std::vector<ImaKey>> read_keys(const Json& policy) {
  std::vector<ImaKey> keys;
  const auto found = policy.find("verification-keys");
  if (found == policy.end() || found->is_null()) return keys;
  std::vector<std::string> pems;
  if (found->is_string() && !found->get<std::string>().empty())
    pems.push_back(found->get<std::string>());
  if (found->is_array())
    for (const Json& pem : *found)
      if (pem.is_string()) pems.push_back(pem.get<std::string>());
  for (const std::string& pem : pems) {
    TRY_WITHIN("verification-keys", PublicKey key, PublicKey::from_pem(pem));
    keys.push_back(ImaKey::of(std::move(key)));
  }
  return keys;
}

bool lists(const Texts& digests, std::string_view algorithm, const std::string& hex) {
  return std::ranges::any_of(digests, [&](const std::string& listed) {
    const auto colon = listed.find(':');
    if (colon == std::string::npos) return listed == hex;
    return std::string_view(listed).substr(0, colon) == algorithm &&
           std::string_view(listed).substr(colon + 1) == hex;
  });
}

}  // namespace

Result<ImaAllowList> ImaAllowList::parse(std::string_view json) {
  TRY(const Json policy, parse_json(json, {.size = 256U << 20, .depth = 16}));
  if (!policy.is_object()) return fail(wrong_form("an IMA policy is no object"));
  const auto meta = policy.find("meta");
  if (meta == policy.end() || !meta->is_object() || !meta->contains("version"))
    return fail(wrong_form("an IMA policy does not say its version"));
  if ((*meta)["version"] != 1)
    return fail(refused(rules::ima_policy_version, "a version of IMA policies that is not known")
                    .expected("1")
                    .found(to_line((*meta)["version"])));
  auto compiled = std::make_shared<Compiled>();
  TRY(compiled->digests, digests_by_name(policy, "digests"));
  TRY(compiled->keyrings, digests_by_name(policy, "keyrings"));
  TRY(compiled->buffers, digests_by_name(policy, "ima-buf"));
  TRY(compiled->excludes, read_excludes(policy));
  TRY(compiled->keys, read_keys(policy));
  if (const auto ima = policy.find("ima"); ima != policy.end() && ima->is_object())
    if (const auto ignored = ima->find("ignored_keyrings");
        ignored != ima->end() && ignored->is_array())
      for (const Json& name : *ignored)
        if (name.is_string()) compiled->ignored_keyrings.push_back(name.get<std::string>());
  return ImaAllowList(std::move(compiled));
}

ImaFinding ImaAllowList::judge(const ImaEntry& entry, std::span<const ImaKey> given,
                               ImaSignatureRules rules) const {
  if (compiled_->is_excluded(entry.path)) return ImaFinding::excluded;
  const std::string hex = to_hex(entry.file.value);
  bool listed = false;
  const auto look = [&](const ByName& names) {
    const auto found = names.find(entry.path);
    if (found == names.end()) return false;
    listed = true;
    return lists(found->second, entry.file.algorithm, hex);
  };
  if (entry.form == ImaTemplate::ima_buf) {
    // A measured key stands under its keyring's name, other data under that of its kind.
    const Texts& ignored = compiled_->ignored_keyrings;
    if (std::ranges::find(ignored, entry.path) != ignored.end() ||
        std::ranges::find(ignored, "*") != ignored.end())
      return ImaFinding::excluded;
    if (look(compiled_->keyrings) || look(compiled_->buffers)) return ImaFinding::allowed;
  } else if (look(compiled_->digests)) {
    return ImaFinding::allowed;
  }
  const auto signed_with = [&](std::span<const ImaKey> keys) {
    return !keys.empty() && verify_ima_signature(entry, keys, rules).has_value();
  };
  const bool has_signature = !entry.signature.empty() || !entry.modsig.empty();
  if (has_signature && entry.form != ImaTemplate::evm_sig &&
      (signed_with(given) || signed_with(compiled_->keys)))
    return ImaFinding::signed_by;
  return listed ? ImaFinding::other_digest : ImaFinding::unknown;
}

std::vector<std::string> ImaAllowList::expected(std::string_view path) const {
  for (const ByName* names : {&compiled_->digests, &compiled_->keyrings, &compiled_->buffers})
    if (const auto found = names->find(path); found != names->end()) return found->second;
  return {};
}

const std::vector<ImaKey>& ImaAllowList::keys() const {
  return compiled_->keys;
}

std::size_t ImaAllowList::size() const {
  return compiled_->digests.size();
}

}  // namespace attest::tpm
