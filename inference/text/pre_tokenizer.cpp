#include "inference/text/pre_tokenizer.h"

#include <algorithm>
#include <array>
#include <span>

#include "libattest/base/text.h"

namespace attest::inference {

namespace {

using Pattern = std::u32string_view;

// Words, numbers, signs and spaces, as GPT-2 tells them apart.
constexpr Pattern gpt2 =
    UR"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr Pattern digit = UR"(\p{N})";
constexpr Pattern three_digits = UR"(\p{N}{1,3})";
constexpr Pattern llama3 =
    UR"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    UR"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr Pattern qwen2 =
    UR"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    UR"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr Pattern qwen35 =
    UR"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N})"
    UR"(| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr Pattern seed_coder =
    UR"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+)"
    UR"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr Pattern bailing =
    UR"((?i:'s|'d|'m|'t|'ll|'ve|'re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    UR"(|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr Pattern minicpm5 =
    UR"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    UR"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Words begin with a capital and go on small; titles and letters without case go both ways.
constexpr Pattern tekken =
    UR"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    UR"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    UR"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr Pattern gpt4o =
    UR"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    UR"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    UR"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    UR"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    UR"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr Pattern kimi =
    UR"([\p{Han}]+)"
    UR"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*)"
    UR"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    UR"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+)"
    UR"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    UR"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr Pattern falcon_signs = UR"([\p{P}$+<=>^~|`]+)";
constexpr Pattern default_signs = UR"([\p{P}$+<=>^~|]+)";
constexpr Pattern three_ascii_digits = U"[0-9][0-9][0-9]";
constexpr Pattern line_end = UR"([\r\n])";
constexpr Pattern cjk = U"[一-龥ࠀ-一가-\uD7FF]+";
constexpr Pattern chinese_and_kana = U"[一-龥\u3040-ゟ゠-ヿ]+";
constexpr Pattern deepseek_v3 =
    UR"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
    UR"(| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// The letters that have cases, as the first DeepSeek vocabulary lists them.
constexpr Pattern cased_letters =
    UR"(\s?)"
    U"[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚ"
    U"Ḁ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\u1F7Dᾀ-ᾴᾶ-ᾼ\u1FBEῂ-ῄῆ-ῌῐ-\u1FD3ῖ-\u1FDBῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212A-"
    U"ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄ"
    U"Ⰰ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+";
constexpr Pattern deepseek_signs = UR"(\s?[!-/:-~！-／：-～‘-‟　-。]+)";
constexpr Pattern bloom = UR"( ?[^(\s|.,!?…。，、।۔،)]+)";

struct Kind {
  std::string_view name;
  std::array<Pattern, 6> steps;  // up to the first empty one
  bool whole_words = false;
  bool begins_texts = false;
  bool ends_texts = false;
};

constexpr Kind kinds[] = {
    {"default", {default_signs, gpt2, UR"(\p{N}+)", three_ascii_digits}},
    {"gpt-2", {gpt2}},
    {"phi-2", {gpt2}},
    {"jina-es", {gpt2}},
    {"jina-de", {gpt2}},
    {"jina-v2-es", {gpt2}},
    {"jina-v2-de", {gpt2}},
    {"jina-v1-en", {gpt2}, false, false, true},
    {"jina-v2-code", {gpt2}, false, false, true},
    {"roberta-bpe", {gpt2}, false, false, true},
    {"gigachat", {gpt2}},
    {"a.x-4.0", {gpt2}},
    {"mellum", {gpt2}},
    {"modern-bert", {gpt2}},
    {"exaone4", {gpt2}},
    {"mpt", {gpt2}},
    {"olmo", {gpt2}},
    {"jais", {gpt2}},
    {"trillion", {gpt2}},
    {"granite-docling", {gpt2}},
    {"starcoder", {digit, gpt2}},
    {"refact", {digit, gpt2}},
    {"command-r", {digit, gpt2}},
    {"smollm", {digit, gpt2}},
    {"codeshell", {digit, gpt2}},
    {"exaone", {digit, gpt2}},
    {"minerva-7b", {digit, gpt2}},
    {"mellum2", {digit, gpt2}},
    {"falcon", {falcon_signs, gpt2, three_ascii_digits}},
    {"llama-bpe", {llama3}, true, true},
    {"llama3", {llama3}, true, true},
    {"llama-v3", {llama3}, true, true},
    {"falcon3", {llama3}, true, true},
    {"falcon-h1", {llama3}, true, true},
    {"pixtral", {llama3}, true, true},
    {"midm-2.0", {llama3}, true, true},
    {"lfm2", {llama3}, true, true},
    {"jina-v5-nano", {llama3}, true, true},
    {"dbrx", {llama3}},
    {"smaug-bpe", {llama3}},
    {"glm4", {llama3}},
    {"chatglm-bpe", {llama3}},
    {"qwen2", {qwen2}},
    {"deepseek-r1-qwen", {qwen2}},
    {"kormo", {qwen2}},
    {"f2llmv2", {qwen2}},
    {"megrez", {qwen2}},
    {"stablelm2", {qwen2}},
    {"hunyuan", {qwen2}},
    {"solar-open", {qwen2}},
    {"grok-2", {qwen2}},
    {"qwen35", {qwen35}},
    {"seed-coder", {seed_coder}},
    {"bailingmoe", {bailing}},
    {"bailingmoe2", {bailing}},
    {"llada-moe", {bailing}},
    {"minicpm5", {three_digits, minicpm5}, true},
    {"tekken", {tekken}, true, true},
    {"gpt-4o", {gpt4o}},
    {"llama4", {gpt4o}},
    {"kanana2", {gpt4o}},
    {"minimax-m2", {gpt4o}},
    {"kimi-k2", {kimi}},
    {"deepseek-llm", {line_end, cased_letters, deepseek_signs, UR"(\s+$)", cjk, UR"(\p{N}+)"}},
    {"deepseek-coder", {line_end, UR"(\s?\p{L}+)", UR"(\s?\p{P}+)", cjk, digit}},
    {"deepseek-v3", {three_digits, chinese_and_kana, deepseek_v3}},
    {"hunyuan-dense", {three_digits, chinese_and_kana, deepseek_v3}},
    {"joyai-llm", {three_digits, chinese_and_kana, deepseek_v3}},
    {"poro-chat", {bloom}},
    {"bloom", {bloom}},
    {"gpt3-finnish", {bloom}},
    {"viking", {bloom, digit}},
};

struct Span {
  std::size_t from, to;  // characters
};

// cut_by cuts each piece at each match of the pattern.
std::vector<Span> cut_by(const SplitPattern& pattern, std::u32string_view text,
                         const std::vector<Span>& pieces) {
  std::vector<Span> out;
  out.reserve(pieces.size());
  for (const Span& piece : pieces) {
    const auto within = text.substr(0, piece.to);
    // Looking ahead ends at the piece; looking at what lies before it is in no pattern.
    std::size_t uncut = piece.from;
    for (std::size_t at = piece.from; at < piece.to;) {
      const auto end = pattern.match(within, at);
      if (!end) {
        ++at;
        continue;
      }
      if (uncut < at) out.push_back({uncut, at});
      out.push_back({at, *end});
      at = uncut = *end;
    }
    if (uncut < piece.to) out.push_back({uncut, piece.to});
  }
  return out;
}

std::size_t utf8_length(char32_t character) {
  return character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
}

}  // namespace

Result<PreTokenizer> PreTokenizer::named(std::string_view name) {
  const auto* kind = std::ranges::find(kinds, name, &Kind::name);
  if (kind == std::end(kinds)) {
    const auto near = nearest(name, names());
    auto unknown = refused(rules::pre_tokenizer_unknown,
                           "this runtime does not know how the vocabulary cuts texts into words")
                       .expected("a tokenizer.ggml.pre it knows, such as llama-bpe or qwen2")
                       .found("\"" + printable(name) + "\"");
    if (!near.empty()) unknown.next("did the converter mean \"" + std::string(near) + "\"?");
    return fail(std::move(unknown));
  }
  PreTokenizer made;
  made.whole_words_ = kind->whole_words;
  made.begins_texts_ = kind->begins_texts;
  made.ends_texts_ = kind->ends_texts;
  for (const Pattern step : kind->steps) {
    if (step.empty()) break;
    TRY(auto pattern, SplitPattern::parse(step));
    made.steps_.push_back(std::move(pattern));
  }
  return made;
}

std::vector<std::string_view> PreTokenizer::names() {
  std::vector<std::string_view> names;
  for (const Kind& kind : kinds) names.push_back(kind.name);
  return names;
}

std::vector<std::string_view> PreTokenizer::cut(std::string_view text) const {
  const std::u32string characters = to_characters(text);
  std::vector<Span> pieces;
  if (!characters.empty()) pieces.push_back({0, characters.size()});
  for (const SplitPattern& step : steps_) pieces = cut_by(step, characters, pieces);
  std::vector<std::string_view> words;
  words.reserve(pieces.size());
  std::size_t byte = 0;
  for (const Span& piece : pieces) {
    std::size_t length = 0;
    for (std::size_t i = piece.from; i < piece.to; ++i) length += utf8_length(characters[i]);
    words.push_back(text.substr(byte, length));
    byte += length;
  }
  return words;
}

}  // namespace attest::inference
