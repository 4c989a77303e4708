#include "libattest/model/hf_tokenizer.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::model {

namespace {

constexpr JsonLimits limits{.size = 256U << 20, .depth = 64};
constexpr std::string_view visible_space = "\xe2\x96\x81";  // U+2581

// How GGUF numbers the types of tokens.
enum TokenType : std::int32_t {
  normal = 1,
  unknown = 2,
  control = 3,
  user = 4,
  unused = 5,
  byte = 6
};

struct NamedPattern {
  std::string_view pattern;
  std::string_view name;
  bool whole_words;  // ignore_merges
};

constexpr auto patterns = std::to_array<NamedPattern>({
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
     R"(|\s*[\r\n]+|\s+(?!\S)|\s+)",
     "llama-bpe", true},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
     R"(|\s*[\r\n]+|\s+(?!\S)|\s+)",
     "qwen2", false},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
     R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
     R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     "tekken", true},
});

Error malformed(std::string what, std::string found) {
  return refused(rules::hf_tokenizer_form, std::move(what)).found(std::move(found));
}

Error unsupported(std::string what, std::string found) {
  return refused(rules::hf_tokenizer_unsupported, std::move(what)).found(std::move(found));
}

const Json& member(const Json& object, const char* name) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(name);
  return found == object.end() ? nothing : *found;
}

bool is_type(const Json& object, std::string_view type) {
  const Json& said = member(object, "type");
  return said.is_string() && said.get_ref<const std::string&>() == type;
}

// steps_of gives the parts of a "Sequence", or the one step that stands there; none for null.
std::vector<Json> steps_of(const Json& object, const char* parts) {
  if (object.is_null()) return {};
  if (!is_type(object, "Sequence")) return {object};
  const Json& inner = member(object, parts);
  return inner.is_array() ? inner.get<std::vector<Json>>() : std::vector<Json>{object};
}

class Reader {
 public:
  explicit Reader(std::uint64_t size) : size_(size) {}

  Result<HfTokenizer> read(const HfTokenizerFiles& files) {
    TRY_WITHIN("tokenizer.json", const Json whole, parse_json(files.tokenizer, limits));
    if (auto done = read_tokenizer(whole); !done)
      return fail(std::move(done).error().within("tokenizer.json"));
    TRY_WITHIN("config.json", const Json config, parse_json(files.config));
    Json own = Json::object();
    if (files.tokenizer_config) {
      TRY_WITHIN("tokenizer_config.json", own, parse_json(*files.tokenizer_config, limits));
    }
    read_specials(own, config);
    read_ends(whole, own);
    read_template(own);
    if (files.chat_template) read_.chat_template = std::string(*files.chat_template);
    return std::move(read_);
  }

 private:
  Status read_tokenizer(const Json& whole) {
    const Json& model = member(whole, "model");
    if (!is_type(model, "BPE"))
      return fail(unsupported("this kind of vocabulary is not converted",
                              printable(to_line(member(model, "type")), 40)));
    for (const char* name : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"})
      if (const Json& said = member(model, name); !said.is_null() && said != "")
        return fail(unsupported("this changes how texts are cut", name));
    const bool sentence_pieces = member(model, "byte_fallback") == true;
    read_.kind = sentence_pieces ? "llama" : "gpt2";
    TRY_VOID(read_vocabulary(member(model, "vocab"), sentence_pieces));
    TRY_VOID(read_added(member(whole, "added_tokens")));
    read_unknown(member(model, "unk_token"));
    fill_holes();
    for (std::uint64_t id = 0; id < size_; ++id) ids_.emplace(read_.tokens[id], id);
    TRY_VOID(read_merges(member(model, "merges")));
    if (sentence_pieces) {
      TRY_VOID(score_by_merges());
      return read_space(whole);
    }
    return read_words(whole, member(model, "ignore_merges") == true);
  }

  Status put(const std::string& text, const Json& id, TokenType type) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= size_)
      return fail(malformed("a token's number lies beyond the embedding",
                            printable(text) + " " + printable(to_line(id), 40))
                      .expected("below " + std::to_string(size_)));
    const auto at = id.get<std::uint64_t>();
    if (read_.types[at] != unused && read_.tokens[at] != text)
      return fail(malformed("two tokens have one number",
                            printable(text) + " and " + printable(read_.tokens[at])));
    read_.tokens[at] = text;
    read_.types[at] = type;
    return {};
  }

  static bool is_byte(std::string_view text) {
    return text.size() == 6 && text.starts_with("<0x") && text.ends_with('>') &&
           std::ranges::all_of(text.substr(3, 2), [](char c) {
             return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
           });
  }

  Status read_vocabulary(const Json& vocabulary, bool sentence_pieces) {
    if (!vocabulary.is_object() || vocabulary.empty())
      return fail(malformed("there is no vocabulary", "model.vocab"));
    read_.tokens.resize(size_);
    read_.types.assign(size_, unused);
    for (const auto& [text, id] : vocabulary.items())
      TRY_VOID(put(text, id, sentence_pieces && is_byte(text) ? byte : normal));
    return {};
  }

  Status read_added(const Json& added) {
    if (added.is_null()) return {};
    if (!added.is_array()) return fail(malformed("this is no list", "added_tokens"));
    for (const Json& each : added) {
      const Json& content = member(each, "content");
      if (!content.is_string())
        return fail(malformed("an added token has no content", printable(to_line(each), 80)));
      TRY_VOID(put(content.get<std::string>(), member(each, "id"),
                   member(each, "special") == true ? control : user));
    }
    return {};
  }

  void read_unknown(const Json& text) {
    if (!text.is_string()) return;
    for (std::uint64_t id = 0; id < size_; ++id)
      if (read_.types[id] != unused && read_.tokens[id] == text.get_ref<const std::string&>()) {
        read_.types[id] = unknown;
        read_.unknown = id;
        return;
      }
  }

  void fill_holes() {
    for (std::uint64_t id = 0; id < size_; ++id)
      if (read_.types[id] == unused) read_.tokens[id] = "[PAD" + std::to_string(id) + "]";
  }

  // "a b", or ["a", "b"].
  static std::optional<std::pair<std::string, std::string>> halves_of(const Json& merge) {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
      return std::pair{merge[0].get<std::string>(), merge[1].get<std::string>()};
    if (!merge.is_string()) return std::nullopt;
    const auto& text = merge.get_ref<const std::string&>();
    const std::size_t space = text.find(' ', 1);
    if (space == std::string::npos || space + 1 == text.size()) return std::nullopt;
    return std::pair{text.substr(0, space), text.substr(space + 1)};
  }

  Status read_merges(const Json& merges) {
    if (!merges.is_array()) return fail(malformed("there are no merges", "model.merges"));
    for (const Json& merge : merges) {
      const auto halves = halves_of(merge);
      if (!halves || !ids_.contains(halves->first) || !ids_.contains(halves->second) ||
          !ids_.contains(halves->first + halves->second))
        return fail(malformed("a merge is not of two tokens whose joint text is one",
                              printable(to_line(merge), 80))
                        .within("merge " + std::to_string(read_.merges.size())));
      ranks_.emplace(ids_.at(halves->first + halves->second), read_.merges.size());
      read_.merges.push_back(halves->first + " " + halves->second);
    }
    return {};
  }

  // A runtime joins any two neighbours whose joint text is a token, by its score: so each way of
  // halving a token must be a merge.
  Status score_by_merges() {
    std::unordered_map<std::string, bool> known;
    for (const std::string& merge : read_.merges) known.emplace(merge, true);
    for (std::uint64_t id = 0; id < size_; ++id) {
      const std::string& text = read_.tokens[id];
      if (read_.types[id] != normal) continue;
      for (std::size_t at = 1; at < text.size(); ++at) {
        const std::string left = text.substr(0, at);
        const std::string right = text.substr(at);
        if (is_piece(left) && is_piece(right) && !known.contains(left + " " + right))
          return fail(unsupported("the merges are not those of a SentencePiece vocabulary",
                                  "no merge of " + printable(left) + " and " + printable(right)));
      }
    }
    for (std::uint64_t id = 0; id < size_; ++id) {
      const auto rank = ranks_.find(id);
      read_.scores.push_back(
          -static_cast<float>(rank == ranks_.end() ? read_.merges.size() : rank->second));
    }
    read_.merges.clear();
    return {};
  }

  bool is_piece(const std::string& text) const {
    const auto found = ids_.find(text);
    return found != ids_.end() && read_.types[found->second] == normal;
  }

  // How a space becomes U+2581, and whether one is put in front.
  Status read_space(const Json& whole) {
    bool replaced = false;
    read_.adds_space = false;
    for (const Json& step : steps_of(member(whole, "normalizer"), "normalizers")) {
      if (is_type(step, "Prepend") && member(step, "prepend") == visible_space) {
        read_.adds_space = true;
      } else if (is_type(step, "Replace") && member(step, "content") == visible_space &&
                 member(member(step, "pattern"), "String") == " ") {
        replaced = true;
      } else {
        return fail(unsupported("this normaliser is not converted", printable(to_line(step), 80)));
      }
    }
    for (const Json& step : steps_of(member(whole, "pre_tokenizer"), "pretokenizers")) {
      // Gemma's: cutting at spaces that were replaced already cuts nothing.
      if (replaced && is_type(step, "Split") && member(member(step, "pattern"), "String") == " ")
        continue;
      if (!is_type(step, "Metaspace") || member(step, "replacement") != visible_space)
        return fail(unsupported("this cutting is not converted", printable(to_line(step), 80)));
      replaced = true;
      const Json& scheme = member(step, "prepend_scheme");
      read_.adds_space =
          scheme.is_string() ? scheme != "never" : member(step, "add_prefix_space") != false;
    }
    if (!replaced)
      return fail(unsupported("spaces are not replaced", "no Replace and no Metaspace"));
    return {};
  }

  // GGUF has no key for normal form C: texts are to come in it, as most do.
  Status read_words(const Json& whole, bool whole_words) {
    for (const Json& step : steps_of(member(whole, "normalizer"), "normalizers"))
      if (!is_type(step, "NFC"))
        return fail(unsupported("this normaliser is not converted", printable(to_line(step), 80)));
    const Json& said = member(whole, "pre_tokenizer");
    const auto steps = steps_of(said, "pretokenizers");
    const bool bytes = !steps.empty() && is_type(steps.back(), "ByteLevel") &&
                       member(steps.back(), "add_prefix_space") != true;
    const auto named = bytes ? name_of(steps) : std::nullopt;
    if (!named || named->whole_words != whole_words)
      return fail(
          unsupported("this cutting into words has no name in GGUF",
                      printable(to_line(said), 400) + (whole_words ? " with ignore_merges" : "")));
    read_.words = std::string(named->name);
    return {};
  }

  static std::optional<NamedPattern> name_of(const std::vector<Json>& steps) {
    const bool cuts = member(steps.back(), "use_regex") != false;
    if (steps.size() == 1 && cuts) return NamedPattern{"", "gpt-2", false};
    if (steps.size() != 2) return std::nullopt;
    const Json& first = steps.front();
    if (is_type(first, "Digits") && member(first, "individual_digits") == true && cuts)
      return NamedPattern{"", "smollm", false};
    if (!is_type(first, "Split") || cuts || member(first, "behavior") != "Isolated" ||
        member(first, "invert") == true)
      return std::nullopt;
    const Json& pattern = member(member(first, "pattern"), "Regex");
    for (const NamedPattern& each : patterns)
      if (pattern.is_string() && pattern.get_ref<const std::string&>() == each.pattern) return each;
    return std::nullopt;
  }

  // A special token by its text in tokenizer_config.json, else by its number in config.json.
  std::optional<std::uint64_t> special(const Json& own, const Json& config,
                                       const std::string& name) const {
    const Json& said = member(own, (name + "_token").c_str());
    const Json& text = said.is_object() ? member(said, "content") : said;
    if (text.is_string())
      if (const auto found = ids_.find(text.get_ref<const std::string&>()); found != ids_.end())
        return found->second;
    const Json& number = member(config, (name + "_token_id").c_str());
    const Json& id = number.is_array() && !number.empty() ? number.front() : number;
    if (id.is_number_unsigned() && id.get<std::uint64_t>() < size_) return id.get<std::uint64_t>();
    return std::nullopt;
  }

  void read_specials(const Json& own, const Json& config) {
    read_.begin = special(own, config, "bos");
    read_.end = special(own, config, "eos");
    read_.padding = special(own, config, "pad");
    if (!read_.unknown) read_.unknown = special(own, config, "unk");
  }

  // Where tokenizer_config.json does not say whether texts get a begin and an end, the template of
  // the post-processor does.
  void read_ends(const Json& whole, const Json& own) {
    for (const Json& step : steps_of(member(whole, "post_processor"), "processors")) {
      const Json& single = member(step, "single");
      if (!is_type(step, "TemplateProcessing") || !single.is_array() || single.empty()) continue;
      read_.adds_begin = single.front().contains("SpecialToken");
      read_.adds_end = single.back().contains("SpecialToken");
    }
    if (const Json& said = member(own, "add_bos_token"); said.is_boolean())
      read_.adds_begin = said.get<bool>();
    if (const Json& said = member(own, "add_eos_token"); said.is_boolean())
      read_.adds_end = said.get<bool>();
  }

  // One template, or a list of named ones, of which "default" is taken.
  void read_template(const Json& own) {
    const Json& said = member(own, "chat_template");
    if (said.is_string()) read_.chat_template = said.get<std::string>();
    if (!said.is_array()) return;
    for (const Json& each : said)
      if (member(each, "name") == "default" && member(each, "template").is_string())
        read_.chat_template = member(each, "template").get<std::string>();
  }

  std::uint64_t size_;
  HfTokenizer read_;
  std::unordered_map<std::string, std::uint64_t> ids_;
  std::unordered_map<std::uint64_t, std::size_t> ranks_;  // of the first merge that makes a token
};

}  // namespace

Result<HfTokenizer> parse_hf_tokenizer(const HfTokenizerFiles& files, std::uint64_t size) {
  return Reader(size).read(files);
}

}  // namespace attest::model
