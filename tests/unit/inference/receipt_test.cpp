#include "inference/answer/receipt.h"

#include "inference/answer/generate.h"
#include "inference/answer/receipt_file.h"
#include "inference/answer/replay.h"
#include "tests/support/catch.h"
#include "tests/support/test_log.h"
#include "tests/unit/inference/small_model.h"

using namespace attest;
using namespace attest::inference;

namespace {

struct Answered {
  Bytes file = must(model::quantize_gguf(small_model()));
  Transformer transformer = must(load_from(file));
  std::unique_ptr<Executor> executor = make_thread_pool(2);
  Machine machine{.executor = executor.get()};
  std::unique_ptr<SigningKey> key = must(make_signing_key(KeyKind::ed25519, system_random()));
  std::optional<AnswerForm> form = {};  // that the answer is asked to have
  std::vector<std::size_t> sample = {};
  exact::Profile profile = exact::Profile::exact_1;
  Receipt receipt = answer();

  std::shared_ptr<const TokenOrder> tokens() const {
    return std::make_shared<const TokenOrder>(must(Tokenizer::read(must(model::parse_gguf(file)))));
  }

  // answer_in gives a receipt of an answer in a form.
  Receipt answer_in(const std::string& grammar) {
    form = AnswerForm{AnswerForm::Kind::grammar, grammar};
    return receipt = answer();
  }

  Receipt answer() {
    const SamplerSettings sampler{.temperature = 0.9F, .top_k = 40, .seed = 11};
    const std::vector<Token> prompt{1, 70, 71, 72};
    std::optional<FormedAnswer> formed;
    if (form) formed = must(FormedAnswer::begin(must(compile_form(*form)), tokens()));
    const Answer given = must(generate(transformer,
                                       {.prompt = prompt,
                                        .sampler = sampler,
                                        .max_tokens = 20,
                                        .end_tokens = {2},
                                        .profile = profile,
                                        .form = formed ? &*formed : nullptr},
                                       machine));
    Receipt made;
    if (form) made.form = Receipt::Form{form->kind, form->digest()};
    made.profile = exact::name_of(profile);
    made.runtime = "test";
    made.model = {digest_uri(transformer.sha256()), transformer.fsverity(), 121};
    made.checkpoint = Receipt::Checkpoint{"demo.example/log", 130, {}};
    made.prompt = prompt;
    made.sampler = sampler;
    made.answer = given.tokens;
    made.stopped = given.stopped;
    made.logits = given.logits;
    made.started = from_unix(1'790'000'000);
    return made;
  }

  VerifiedReceipt verified() {
    const Bytes bytes = must(sign_receipt(receipt, "inferd", receipt.started, *key));
    return must(verify_receipt(must(parse_receipt(bytes)), key->public_key()));
  }

  Result<ReplayReport> replayed() {
    return replay(transformer, verified(),
                  {.opening = {},
                   .end_tokens = {2},
                   .form = form,
                   .tokens = form ? tokens() : nullptr,
                   .progress = {},
                   .sample = sample},
                  machine);
  }
};

}  // namespace

TEST_CASE("a receipt says after signing what it said before") {
  Answered answered;
  const VerifiedReceipt verified = answered.verified();
  REQUIRE(verified.receipt() == answered.receipt);
  REQUIRE(verified.issuer() == "inferd");
}

TEST_CASE("a receipt of another key, or changed behind its signature, is refused") {
  Answered answered;
  Bytes bytes =
      must(sign_receipt(answered.receipt, "inferd", answered.receipt.started, *answered.key));
  const auto other = must(make_signing_key(KeyKind::ed25519, system_random()));
  REQUIRE_RULE(verify_receipt(must(parse_receipt(bytes)), other->public_key()), rules::receipt_key);
  bytes.back() ^= std::byte{1};
  REQUIRE_RULE(verify_receipt(must(parse_receipt(bytes)), answered.key->public_key()),
               rules::cose_signature);
}

TEST_CASE("receipts that say too much, too little or nonsense are refused") {
  const auto signed_with = [](const std::function<void(Receipt&)>& change) {
    Answered answered;
    change(answered.receipt);
    return sign_receipt(answered.receipt, "inferd", answered.receipt.started, *answered.key);
  };
  REQUIRE_RULE(signed_with([](Receipt& r) { r.answer.clear(); }), rules::answer_receipt_form);
  REQUIRE_RULE(signed_with([](Receipt& r) { r.stopped = "bored"; }), rules::answer_receipt_form);
  REQUIRE_RULE(signed_with([](Receipt& r) { r.logits.pop_back(); }), rules::answer_receipt_form);
  REQUIRE_RULE(signed_with([](Receipt& r) { r.prompt->clear(); }), rules::answer_receipt_form);
  REQUIRE_RULE(signed_with([](Receipt& r) { r.sampler.top_p = 2; }), rules::sampler_settings);
  REQUIRE_RULE(signed_with([](Receipt& r) { r.model.subject = "tiny"; }), rules::digest_form);
  REQUIRE_RULE(parse_receipt(as_bytes("hello")), rules::cbor_truncated);
}

TEST_CASE("an answer in bytes of keys and values replays in its own profile and in no other") {
  Answered answered{.file = small_model({.embedding = 128})};
  answered.profile = exact::Profile::exact_1_kv8;
  answered.receipt = answered.answer();
  REQUIRE(answered.receipt.profile == "exact-1-kv8");
  REQUIRE(must(answered.replayed()).agrees());
  answered.receipt.profile = "exact-1";
  const ReplayReport report = must(answered.replayed());
  REQUIRE_FALSE(report.agrees());
  REQUIRE(report.equal < report.positions);
  answered.receipt.profile = "exact-2";
  REQUIRE_RULE(answered.replayed(), rules::replay_profile);
}

TEST_CASE("an honest receipt replays in full") {
  Answered answered;
  const ReplayReport report = must(answered.replayed());
  REQUIRE(report.agrees());
  REQUIRE(report.positions == answered.receipt.logits.size());
}

TEST_CASE("a changed word is found, and what is before it stands") {
  Answered answered;
  Token& word = answered.receipt.answer[7];
  const Token genuine = word;
  word = word == 90 ? 91 : 90;
  const ReplayReport report = must(answered.replayed());
  REQUIRE_FALSE(report.agrees());
  REQUIRE(report.token);
  REQUIRE(report.token->answer_index == 7);
  REQUIRE(report.token->receipt == word);
  REQUIRE(report.token->model == genuine);
  // Positions up to the one that chose the word agree: 4 of the prompt, 7 of the answer.
  REQUIRE(report.equal == 11);
}

TEST_CASE("a changed last word is found, though no position follows it") {
  Answered answered;
  answered.receipt.answer.back() = answered.receipt.answer.back() == 90 ? 91 : 90;
  const ReplayReport report = must(answered.replayed());
  REQUIRE(report.equal == report.positions);
  REQUIRE(report.token);
  REQUIRE_FALSE(report.agrees());
}

TEST_CASE("another seed, temperature or prompt is found") {
  Answered seed;
  seed.receipt.sampler.seed = 12;
  REQUIRE_FALSE(must(seed.replayed()).agrees());
  Answered prompt;
  prompt.receipt.prompt->at(2) = 99;
  REQUIRE(must(prompt.replayed()).equal == 2);
  Answered hash;
  hash.receipt.logits[3][0] ^= std::byte{1};
  const ReplayReport report = must(hash.replayed());
  REQUIRE(report.equal == 3);
  REQUIRE_FALSE(report.token);
}

TEST_CASE("an answer that claims another end is found") {
  Answered answered;
  if (answered.receipt.stopped == "eos") return;
  answered.receipt.stopped = "eos";
  const ReplayReport report = must(answered.replayed());
  REQUIRE(report.ends_wrongly);
  REQUIRE_FALSE(report.agrees());
}

TEST_CASE("another model and another profile are not replayed") {
  Answered answered;
  const Transformer other = must(load_from(small_model()));
  REQUIRE_RULE(replay(other, answered.verified(), {}, answered.machine), rules::replay_model);
  answered.receipt.profile = "exact-2";
  const auto profile = answered.replayed();
  REQUIRE_RULE(profile, rules::replay_profile);
  REQUIRE(profile.error().kind == ErrorKind::incomplete);
}

TEST_CASE("a private prompt is replayed with its opening, and only with that") {
  Answered answered;
  const std::vector<Token> prompt = *answered.receipt.prompt;
  Sha256 salt{};
  salt[0] = std::byte{5};
  answered.receipt.prompt.reset();
  answered.receipt.prompt_commitment = commit_prompt(prompt, salt);
  const VerifiedReceipt verified = answered.verified();
  const auto with = [&](std::optional<ReplayRequest::Opening> opening) {
    return replay(answered.transformer, verified,
                  {.opening = std::move(opening), .end_tokens = {2}, .progress = {}, .sample = {}},
                  answered.machine);
  };
  const auto closed = with({});
  REQUIRE_RULE(closed, rules::replay_prompt);
  REQUIRE(closed.error().kind == ErrorKind::incomplete);
  REQUIRE(must(with(ReplayRequest::Opening{prompt, salt})).agrees());
  const auto wrong = with(ReplayRequest::Opening{prompt, {}});
  REQUIRE_RULE(wrong, rules::replay_prompt);
  REQUIRE(wrong.error().kind == ErrorKind::refused);
}

TEST_CASE("a sample compares the positions that were drawn, each by itself") {
  Answered answered;
  const auto with = [&](std::vector<std::size_t> sample) {
    return must(
        replay(answered.transformer, answered.verified(),
               {.opening = {}, .end_tokens = {2}, .progress = {}, .sample = std::move(sample)},
               answered.machine));
  };
  REQUIRE(with({0, 5, 9}).agrees());
  REQUIRE(with({0, 5, 9}).positions == 3);
  answered.receipt.logits[5][0] ^= std::byte{1};
  const ReplayReport found = with({2, 5, 9});
  REQUIRE_FALSE(found.agrees());
  REQUIRE(found.equal == 1);
  // Positions 5 and 6 alone rest on what was changed.
  REQUIRE(with({2, 9, 12}).agrees());
  REQUIRE_FALSE(with({6}).agrees());
}

TEST_CASE("a sample has so many different positions, and all where there are not more") {
  for (int round = 0; round < 50; ++round) {
    const auto drawn = draw_sample(30, 7, system_random());
    REQUIRE(drawn.size() == 7);
    REQUIRE(std::ranges::is_sorted(drawn));
    REQUIRE(std::ranges::adjacent_find(drawn) == drawn.end());
    REQUIRE(drawn.back() < 30);
  }
  REQUIRE(draw_sample(3, 9, system_random()) == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("a replay names what most likely lies behind a difference") {
  Answered honest;
  REQUIRE(must(honest.replayed()).cause == Cause::none);

  Answered text;
  text.receipt.answer[7] = text.receipt.answer[7] == 90 ? 91 : 90;
  REQUIRE(must(text.replayed()).cause == Cause::altered_text);
  Answered last;
  last.receipt.answer.back() = last.receipt.answer.back() == 90 ? 91 : 90;
  REQUIRE(must(last.replayed()).cause == Cause::altered_text);
  Answered seed;
  seed.receipt.sampler.seed = 12;
  REQUIRE(must(seed.replayed()).cause == Cause::other_sampler);
  Answered prompt;
  prompt.receipt.prompt->at(2) = 99;
  REQUIRE(must(prompt.replayed()).cause == Cause::other_prompt);

  // Computed with one file, signed as if with another.
  const auto instead_of = [](const Bytes& file) {
    Answered answered;
    const Transformer other = must(load_from(file));
    answered.receipt.sampler = {};
    const Answer given = must(generate(
        answered.transformer,
        {.prompt = *answered.receipt.prompt, .sampler = {}, .max_tokens = 20, .end_tokens = {2}},
        answered.machine));
    answered.receipt.answer = given.tokens;
    answered.receipt.stopped = given.stopped;
    answered.receipt.logits = given.logits;
    answered.receipt.model = {digest_uri(other.sha256()), other.fsverity(), 121};
    return must(replay(other, answered.verified(),
                       {.opening = {}, .end_tokens = {2}, .progress = {}, .sample = {}},
                       answered.machine))
        .cause;
  };
  REQUIRE(instead_of(small_model()) == Cause::other_quantisation);
  REQUIRE(instead_of(small_model({.feed_forward = 128})) == Cause::other_model);
}

TEST_CASE("a receipt file comes back, and strangers in it are refused") {
  Answered answered;
  const Bytes receipt =
      must(sign_receipt(answered.receipt, "inferd", answered.receipt.started, *answered.key));
  const BatchProof proof{{to_bytes("entry"), 4, {{}}}, {{}, {}}, 2, "note"};
  const Bytes file = encode_receipt_file(receipt, answered.key->public_key(), "jwt", proof);
  const auto decoded = must(decode_receipt_file(file));
  REQUIRE(decoded.receipt.receipt == answered.receipt);
  REQUIRE(decoded.key == answered.key->public_key());
  REQUIRE(decoded.result == "jwt");
  REQUIRE(decoded.batch->position == 2);
  REQUIRE(decoded.batch->path.size() == 2);
  REQUIRE_RULE(decode_receipt_file(concat({file, as_bytes("x")})), rules::cbor_trailing);
}

TEST_CASE("differences are told in words") {
  model::GgufWriter writer;
  add_small_vocabulary(writer);
  const auto tokenizer = must(Tokenizer::read(must(model::parse_gguf(must(writer.finish())))));
  const Token a = *tokenizer.vocabulary().find("a");
  const Token b = *tokenizer.vocabulary().find("b");
  REQUIRE(difference_in_words({42, a, b}, tokenizer) ==
          "token 43 of the answer: receipt says \"a\" (260), the model gives \"b\" (261)");
}

TEST_CASE("an answer in a form is of that form, and its receipt replays in it") {
  Answered answered;
  const Receipt receipt = answered.answer_in("root ::= ([a-c] \" \"){3}");
  const Tokenizer tokenizer = must(Tokenizer::read(must(model::parse_gguf(answered.file))));
  const std::string text = tokenizer.decode(receipt.answer);
  INFO(text);
  REQUIRE(text.size() == 6);
  REQUIRE(text.find_first_not_of("abc ") == std::string::npos);
  REQUIRE(receipt.stopped == "stop");
  REQUIRE(answered.verified().receipt() == receipt);
  REQUIRE(must(answered.replayed()).agrees());
  // Any part of it alone.
  answered.sample = {receipt.logits.size() - 2};
  REQUIRE(must(answered.replayed()).agrees());
  answered.sample.clear();
  // Without the form the same numbers choose other words.
  answered.receipt.form.reset();
  const auto free = must(answered.replayed());
  REQUIRE_FALSE(free.agrees());
  REQUIRE(free.cause == Cause::other_sampler);
}

TEST_CASE("a form that is not the receipt's is refused, one that is not there leaves it open") {
  Answered answered;
  const Receipt receipt = answered.answer_in("root ::= [a-c]{4}");
  answered.form = AnswerForm{AnswerForm::Kind::grammar, "root ::= [a-d]{4}"};
  auto other = answered.replayed();
  REQUIRE_RULE(other, rules::replay_form);
  REQUIRE(other.error().kind == ErrorKind::refused);
  answered.form.reset();
  other = answered.replayed();
  REQUIRE_RULE(other, rules::replay_form);
  REQUIRE(other.error().kind == ErrorKind::incomplete);
}

TEST_CASE("a word that breaks the form is found even where its position is not drawn") {
  Answered answered;
  answered.answer_in("root ::= [a-c]{4}");
  answered.receipt.answer.back() = 70;
  answered.sample = {0};
  const auto report = must(answered.replayed());
  REQUIRE(report.breaks_form == answered.receipt.answer.size() - 1);
  REQUIRE_FALSE(report.agrees());
  REQUIRE(report.cause == Cause::other_form);
}

TEST_CASE("a receipt file carries the form's text, and no other form's") {
  Answered answered;
  const Receipt receipt = answered.answer_in("root ::= [a-c]{4}");
  const Bytes bytes = must(sign_receipt(receipt, "inferd", receipt.started, *answered.key));
  const auto file = [&](const std::optional<std::string>& form) {
    return must(
        decode_receipt_file(encode_receipt_file(bytes, answered.key->public_key(), {}, {}, form)));
  };
  test::TestLog log;
  const auto verified = [&](const std::optional<std::string>& form) {
    return verify_receipt_file(file(form), log.trust(), from_unix(1'795'000'000));
  };
  REQUIRE(must(verified("root ::= [a-c]{4}")).form() == answered.form);
  REQUIRE_FALSE(must(verified({})).form());
  REQUIRE_RULE(verified("root ::= [a-c]{5}"), rules::receipt_form_text);
}

TEST_CASE("a private prompt opens in parts, each token against its own commitment") {
  Answered answered;
  const std::vector<Token> prompt = *answered.receipt.prompt;
  const Sha256 salt = sha256(as_bytes("salt"));
  answered.receipt.prompt.reset();
  answered.receipt.prompt_tree = commit_to_tokens(prompt, salt);
  const PromptTree tree = *answered.verified().receipt().prompt_tree;
  REQUIRE(tree == PromptTree{answered.receipt.prompt_tree->root, 4});

  const auto shown = must(disclose_tokens(prompt, salt, std::vector<std::uint64_t>{1, 3}));
  REQUIRE(must(decode_disclosure(encode_disclosure(shown))) == shown);
  REQUIRE_OK(verify_disclosure(tree, shown));
  REQUIRE(shown[0].token == prompt[1]);
  REQUIRE(shown[1].token == prompt[3]);
  // Nothing of it tells the salt of another token.
  REQUIRE(shown[0].salt != shown[1].salt);
  REQUIRE(encode_disclosure(shown).find(to_hex(salt)) == std::string::npos);

  const auto changed = [&](const std::function<void(std::vector<DisclosedToken>&)>& change) {
    auto other = shown;
    change(other);
    return verify_disclosure(tree, other);
  };
  REQUIRE_RULE(changed([](auto& t) { t[0].token ^= 1; }), rules::tree_root);
  REQUIRE_RULE(changed([](auto& t) { t[0].salt[0] ^= std::byte{1}; }), rules::tree_root);
  REQUIRE_RULE(changed([](auto& t) { t[0].index = 0; }), rules::tree_root);
  REQUIRE_RULE(changed([](auto& t) { t[1].index = 4; }), rules::tree_index);
  REQUIRE_RULE(changed([](auto& t) { t[0].path.pop_back(); }), rules::tree_path_length);
  REQUIRE_RULE(changed([](auto& t) { std::swap(t[0], t[1]); }), rules::prompt_disclosure);
  REQUIRE_RULE(disclose_tokens(prompt, salt, std::vector<std::uint64_t>{4}),
               rules::prompt_disclosure);
  for (const char* wrong :
       {"[]", "{}", R"({"tokens": [{"index": 0, "token": 1, "salt": "00", "path": []}]})",
        R"({"tokens": [], "more": 1})", R"({"tokens": [{"index": -1}]})"})
    REQUIRE_FALSE(decode_disclosure(wrong));

  // All of it opens for a replay, and nothing else does.
  const auto replayed = [&](std::optional<ReplayRequest::Opening> opening) {
    ReplayRequest request;
    request.opening = std::move(opening);
    request.end_tokens = {2};
    return replay(answered.transformer, answered.verified(), request, answered.machine);
  };
  REQUIRE(must(replayed({{prompt, salt}})).agrees());
  REQUIRE_RULE(replayed({{prompt, Sha256{}}}), rules::replay_prompt);
  REQUIRE_RULE(replayed(std::nullopt), rules::replay_prompt);
  answered.receipt.prompt_tree->count = 5;
  REQUIRE_RULE(sign_receipt(answered.receipt, "inferd", answered.receipt.started, *answered.key),
               rules::answer_receipt_form);
}
