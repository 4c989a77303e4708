// attestctl infer, tokenize: runs only what checks out, and signs what it answers.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <thread>

#include "cli/answer_signer.h"
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/model_file.h"
#include "cli/trust_file.h"
#include "inference/answer/generate.h"
#include "inference/kernels/exact.h"
#include "inference/model/verified_model.h"
#include "libattest/base/text.h"
#include "libattest/crypto/random.h"

namespace attest::cli {

namespace {

struct InferOptions {
  std::string model;
  std::string bundle;
  std::string trust;
  std::string policy;
  std::string prompt;
  std::string agent;
  std::string receipt;
  std::string private_prompt;
  std::string schema;
  std::string grammar;
  std::string profile{inference::exact::profile};
  std::size_t max_tokens = 64;
  unsigned threads = 0;
  inference::SamplerSettings sampler;
};

// Text of a model for the terminal: control characters other than line feeds and tabs are left out,
// so that no answer can move the cursor. Pieces may hold parts of characters, so UTF-8 is not
// judged.
std::string printable_text(std::string text) {
  std::erase_if(text, [](char c) {
    const auto code = static_cast<unsigned char>(c);
    return (code < 0x20 && c != '\n' && c != '\t') || code == 0x7f;
  });
  return text;
}

// The form that --schema or --grammar asks for.
Result<std::optional<inference::AnswerForm>> read_form(const InferOptions& options) {
  using Kind = inference::AnswerForm::Kind;
  if (options.schema.empty() && options.grammar.empty())
    return std::optional<inference::AnswerForm>();
  const bool by_schema = !options.schema.empty();
  TRY(std::string text, read_text_file(by_schema ? options.schema : options.grammar));
  return std::optional(
      inference::AnswerForm{by_schema ? Kind::json_schema : Kind::grammar, std::move(text)});
}

Result<inference::FormedAnswer> begin_form(const inference::AnswerForm& form,
                                           const InferOptions& options,
                                           const inference::Tokenizer& tokenizer) {
  TRY_WITHIN(options.schema.empty() ? options.grammar : options.schema, auto grammar,
             inference::compile_form(form));
  return inference::FormedAnswer::begin(std::move(grammar),
                                        std::make_shared<const inference::TokenOrder>(tokenizer));
}

// Commits the receipt to its prompt instead of saying it, and writes what opens the commitment to a
// file that only its owner reads.
Status keep_private(inference::Receipt& receipt, const Path& path) {
  const Bytes random = system_random().bytes(32);
  Sha256 salt{};
  std::ranges::copy(random, salt.begin());
  const OrderedJson opening = {{"salt", to_hex(salt)}, {"prompt", *receipt.prompt}};
  TRY_VOID(write_file_atomically(path, as_bytes(opening.dump() + "\n"), 0600));
  receipt.prompt_tree = inference::commit_to_tokens(*receipt.prompt, salt);
  receipt.prompt.reset();
  return {};
}

Result<Report> infer(const InferOptions& options, const Context& context) {
  TRY(const auto form, read_form(options));
  TRY(const TrustRoot trust, load_trust(options.trust));
  TRY(const auto policy, load_release_policy(options.policy));
  std::optional<Path> bundle;
  if (!options.bundle.empty()) bundle = options.bundle;
  TRY(const auto model,
      inference::open_verified_model(options.model, bundle, trust, policy, context.now));
  TRY_WITHIN(options.model, const auto* transformer, inference::writing_model(model));
  const inference::Tokenizer& tokenizer = model.tokenizer();
  TRY_WITHIN("--prompt", auto prompt, tokenizer.encode(options.prompt));
  std::optional<inference::FormedAnswer> formed;
  if (form) {
    TRY(formed, begin_form(*form, options, tokenizer));
  }
  TRY(const AnswerSigner signer, AnswerSigner::make(options.agent));

  const unsigned threads =
      options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  const auto pool = inference::make_thread_pool(threads);
  const inference::Machine machine{.executor = pool.get()};
  const inference::GenerateRequest request{
      .prompt = prompt,
      .sampler = options.sampler,
      .max_tokens = options.max_tokens,
      .end_tokens = tokenizer.vocabulary().end_tokens(),
      .profile = *inference::exact::find_profile(options.profile),
      .form = formed ? &*formed : nullptr};
  if (!context.json) context.terminal.write(options.prompt);
  TRY(const auto answer,
      inference::generate(*transformer, request, machine, [&](inference::Token token) {
        if (!context.json) context.terminal.write(printable_text(tokenizer.piece(token)));
        return true;
      }));
  if (!context.json) context.terminal.write("\n\n");

  inference::Receipt receipt = signer.begin(model, context.now);
  receipt.profile = options.profile;
  receipt.prompt = std::move(prompt);
  receipt.sampler = options.sampler;
  receipt.answer = answer.tokens;
  receipt.stopped = answer.stopped;
  receipt.logits = answer.logits;
  if (form) receipt.form = inference::Receipt::Form{form->kind, form->digest()};
  if (!options.private_prompt.empty()) TRY_VOID(keep_private(receipt, options.private_prompt));
  TRY(const AnswerSigner::Signed done, signer.sign(receipt, form, context.now));
  Report report;
  report.json = {{"tokens", answer.tokens},
                 {"text", tokenizer.decode(answer.tokens)},
                 {"stopped", answer.stopped},
                 {"model", receipt.model.subject},
                 {"release", model.verdict().release},
                 {"receipt", to_hex(done.id)},
                 {"node", signer.node() ? OrderedJson(*signer.node()) : OrderedJson()}};
  report.field("model", model.verdict().release);
  report.field("as of", model.verdict().checkpoint);
  report.field("receipt", to_hex(done.id));
  report.field("key", signer.key_in_words());
  if (!options.receipt.empty()) {
    TRY_VOID(write_file_atomically(options.receipt, done.file));
    report.json["receipt_file"] = options.receipt;
    report.field("written to", options.receipt);
    report.line("Check every token: attestctl receipt replay " + options.receipt + " --model " +
                options.model);
  }
  return report;
}

struct TokenizeOptions {
  std::string model;
  bool no_special = false;
};

Result<Report> tokenize(const TokenizeOptions& options) {
  TRY(auto file, system_files().open(options.model, OpenMode::read));
  TRY_WITHIN(options.model, const auto gguf, model::read_gguf(*file));
  TRY_WITHIN(options.model, const auto tokenizer, inference::Tokenizer::read(gguf));
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  TRY_WITHIN("standard input", const auto tokens,
             tokenizer.encode(
                 text, {.add_begin = !options.no_special, .read_special = !options.no_special}));
  Report report;
  report.json["tokens"] = tokens;
  std::string line;
  for (const inference::Token token : tokens)
    line += (line.empty() ? "" : " ") + std::to_string(token);
  report.line(line);
  return report;
}

}  // namespace

void add_infer_commands(CommandLine& command_line) {
  Command* verb = command_line.top_verb(
      "infer", "Let a model write, once its lineage checks out",
      "attestctl infer --model tiny.gguf --trust trust.toml --prompt \"The node\"");
  auto options = std::make_shared<InferOptions>();
  verb->add_option("--model", options->model, "The model (GGUF)")->required();
  verb->add_option("--bundle", options->bundle,
                   "Its proof bundle; MODEL.attest/bundle.cbor without");
  add_trust_option(verb, options->trust);
  verb->add_option("--policy", options->policy, "What a model must be (TOML)");
  verb->add_option("--prompt", options->prompt, "What to continue")->required();
  verb->add_option("--max-tokens", options->max_tokens, "At most this many tokens; 64 without")
      ->positive();
  verb->add_option("--temperature", options->sampler.temperature,
                   "0 (the default) takes the likeliest token");
  verb->add_option("--top-k", options->sampler.top_k, "Sample among this many tokens; 0 means all");
  verb->add_option("--top-p", options->sampler.top_p, "Sample among tokens of this much weight");
  verb->add_option("--min-p", options->sampler.min_p,
                   "Leave out tokens of less than this share of the likeliest");
  verb->add_option("--repetition", options->sampler.repetition,
                   "Above 1 makes repetition less likely");
  verb->add_option("--presence", options->sampler.presence,
                   "Above 0 makes tokens less likely that are in the text");
  verb->add_option("--frequency", options->sampler.frequency,
                   "The same, for each time that they are");
  verb->add_option("--seed", options->sampler.seed, "The same seed gives the same answer");
  verb->add_option("--profile", options->profile,
                   "What the answer is, to the bit: exact-1, or exact-1-kv8, whose keys and "
                   "values take a quarter of the memory")
      ->one_of({"exact-1", "exact-1-kv8"});
  verb->add_option("--threads", options->threads,
                   "All cores without; the answer does not depend on it");
  verb->add_option("--agent", options->agent,
                   "agentd's socket: has the node's TPM quote the receipt key");
  verb->add_option("--receipt", options->receipt, "Write the receipt to this file");
  verb->add_option("--private", options->private_prompt,
                   "Leave the prompt out of the receipt; what discloses it goes to this file");
  Option* schema = verb->add_option("--schema", options->schema,
                                    "Write JSON by the JSON schema in this file, and nothing else");
  verb->add_option("--grammar", options->grammar,
                   "Write a text by the grammar in this file (GBNF), and nothing else")
      ->excludes(schema);
  command_line.runs(verb, [options](const Context& context) { return infer(*options, context); });

  verb =
      command_line.top_verb("tokenize", "Show the tokens of a text on standard input",
                            "echo -n \"The node\" | attestctl tokenize --model tiny.gguf --json");
  auto tokenized = std::make_shared<TokenizeOptions>();
  verb->add_option("--model", tokenized->model, "A GGUF file with a vocabulary")->required();
  verb->add_flag("--no-special", tokenized->no_special,
                 "No begin-of-text in front, and read no special tokens");
  command_line.runs(verb, [tokenized](const Context&) { return tokenize(*tokenized); });
}

}  // namespace attest::cli
