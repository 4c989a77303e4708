// links: attest::inference attest::model attest::base
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "inference/answer/generate.h"
#include "inference/model/unreleased_model.h"
#include "inference/template/chat_template.h"
#include "inference/text/tokenizer.h"
#include "libattest/base/file.h"
#include "libattest/base/json.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"

using namespace attest;
using namespace attest::inference;

namespace {

// The texts of an .inp file: each ends with a line of its own.
std::vector<std::string> texts_of(const std::string& file) {
  constexpr std::string_view end = "\n__ggml_vocab_test__\n";
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < file.size();) {
    const std::size_t stop = file.find(end, at);
    REQUIRE(stop != std::string::npos);
    texts.push_back(file.substr(at, stop - at));
    at = stop + end.size();
  }
  return texts;
}

std::vector<Token> tokens_of(const std::string& line) {
  std::istringstream numbers(line);
  return {std::istream_iterator<Token>(numbers), {}};
}

}  // namespace

TEST_CASE("every vocabulary of the corpus tokenises its texts as it says") {
  const auto folder = corpus("inference/vocab");
  if (!folder) return;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    if (entry.path().extension() != ".gguf") continue;
    INFO(entry.path().filename().string());
    const auto gguf = must(model::parse_gguf(must(read_file(entry.path()))));
    const auto tokenizer = must(Tokenizer::read(gguf));
    const auto texts = texts_of(must(read_text_file(Path(entry.path().string() + ".inp"))));
    std::istringstream expected(must(read_text_file(Path(entry.path().string() + ".out"))));
    for (const std::string& text : texts) {
      std::string line;
      REQUIRE(std::getline(expected, line));
      INFO("\"" << text << "\"");
      CHECK(must(tokenizer.encode(text, {.add_begin = false})) == tokens_of(line));
    }
  }
}

TEST_CASE("chat templates of the corpus render as it says, or refuse as it says") {
  const auto folder = corpus("inference/chat-template");
  if (!folder) return;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    if (entry.path().extension() != ".jinja") continue;
    INFO(entry.path().filename().string());
    const auto chat_template = must(ChatTemplate::parse(must(read_text_file(entry.path()))));
    const Path expectations = Path(entry.path()).replace_extension(".expected.json");
    const auto cases = nlohmann::ordered_json::parse(must(read_text_file(expectations)));
    for (const auto& each : cases) {
      INFO(each.dump());
      const auto text = chat_template.render(each, from_unix(1'800'000'000));
      if (each.contains("expected")) {
        CHECK(must(text) == each["expected"].get<std::string>());
      } else {
        CHECK_FALSE(text.has_value());
      }
    }
  }
}

TEST_CASE("the weights of the corpus give the tokens it says") {
  const auto folder = corpus("inference/weights");
  if (!folder) return;
  const auto executor = make_thread_pool(2);
  const Machine machine{.executor = executor.get()};
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    if (entry.path().extension() != ".gguf") continue;
    INFO(entry.path().string());
    const auto model = must(open_unreleased_model(entry.path()));
    const Json expected =
        must(parse_json(must(read_text_file(Path(entry.path().string() + ".expected.json")))));
    const bool normative = expected.at("normative").get<bool>();
    REQUIRE(to_hex(model.transformer.sha256()) == expected.at("sha256").get<std::string>());
    for (const Json& each : expected.at("cases")) {
      const auto prompt = must(model.tokenizer.encode(each.at("prompt").get<std::string>()));
      CHECK(prompt == each.at("prompt_tokens").get<std::vector<Token>>());
      const auto tokens = each.at("greedy_tokens").get<std::vector<Token>>();

      auto sequence = must(Sequence::begin(model.transformer, prompt.size()));
      std::vector<float> last;
      must(sequence.append(prompt, machine, [&](std::size_t, std::span<const float> logits) {
        last.assign(logits.begin(), logits.end());
        return Status();
      }));
      for (const Json& top : each.at("first_top5"))
        CHECK(std::fabs(last.at(top.at(0).get<Token>()) - top.at(1).get<float>()) <=
              (normative ? 1e-3F : 0.1F));

      const auto answer = must(
          generate(model.transformer,
                   {.prompt = prompt, .sampler = {}, .max_tokens = tokens.size(), .end_tokens = {}},
                   machine));
      if (normative) {
        CHECK(answer.tokens == tokens);
        CHECK(model.tokenizer.decode(answer.tokens) == each.at("greedy_text").get<std::string>());
      } else {
        CHECK(answer.tokens.front() == tokens.front());
        if (answer.tokens != tokens)
          std::cout << "informative: other tokens than the peer's for " << entry.path().filename()
                    << "\n";
      }
    }
  }
}
