// attestctl chat: a conversation with a model that checks out; or only what its template makes of a
// conversation.
#include <iostream>
#include <iterator>
#include <thread>

#include "cli/answer_signer.h"
#include "cli/command_line.h"
#include "cli/groups.h"
#include "cli/model_file.h"
#include "cli/trust_file.h"
#include "inference/answer/generate.h"
#include "inference/model/verified_model.h"
#include "inference/text/conversation.h"
#include "libattest/base/file.h"

namespace attest::cli {

namespace {

struct ChatOptions {
  std::string model;
  std::string bundle;
  std::string trust;
  std::string policy;
  std::string system;
  std::string template_file;
  std::string agent;
  std::string receipts;  // a folder
  bool render = false;
  std::size_t max_tokens = 512;
  unsigned threads = 0;
  inference::SamplerSettings sampler;
};

Result<model::Gguf> read_description(const std::string& path) {
  TRY(auto file, system_files().open(path, OpenMode::read));
  TRY_WITHIN(path, auto gguf, model::read_gguf(*file));
  return gguf;
}

// The source of the template: of a file of its own, or `own`, the model's.
Result<std::string> find_source(const ChatOptions& options, const std::string& own) {
  if (!options.template_file.empty()) return read_text_file(Path(options.template_file));
  if (own.empty())
    return fail(refused(rules::conversation, options.model + " has no chat template")
                    .next("give one: --template FILE, or continue a text: attestctl infer"));
  return own;
}

Result<inference::ChatTemplate> parse_template(const ChatOptions& options,
                                               const std::string& source) {
  TRY_WITHIN(options.template_file.empty() ? options.model : options.template_file, auto parsed,
             inference::ChatTemplate::parse(source));
  return parsed;
}

Result<Report> render(const ChatOptions& options, const Context& context) {
  std::optional<model::Gguf> gguf;
  std::string own;
  if (!options.model.empty()) {
    TRY(gguf, read_description(options.model));
    TRY_WITHIN(options.model, own, gguf->text_or("tokenizer.chat_template", ""));
  }
  TRY(const std::string source, find_source(options, own));
  TRY(const auto chat_template, parse_template(options, source));
  const std::string json{std::istreambuf_iterator<char>(std::cin), {}};
  TRY_WITHIN("standard input", auto variables, inference::parse_variables(json));
  Report report;
  if (!gguf) {
    TRY(const std::string text, chat_template.render(variables, context.now));
    report.json["text"] = text;
    report.raw = text;
    return report;
  }
  TRY_WITHIN(options.model, const auto tokenizer, inference::Tokenizer::read(*gguf));
  TRY(const auto read,
      inference::read_conversation(chat_template, tokenizer, std::move(variables), context.now));
  report.json["text"] = read.text;
  report.json["tokens"] = read.tokens;
  report.raw = read.text;
  return report;
}

// Answers are shown without control characters, so that none can move the cursor.
std::string printable_piece(std::string text) {
  std::erase_if(text, [](char c) {
    const auto code = static_cast<unsigned char>(c);
    return (code < 0x20 && c != '\n' && c != '\t') || code == 0x7f;
  });
  return text;
}

// One conversation: what was said, who answers, and the receipts so far.
class Conversation {
 public:
  Conversation(const ChatOptions& options, const Context& context,
               const inference::RunnableModel& model, inference::ChatTemplate chat_template,
               std::string template_source, AnswerSigner signer)
      : options_(&options),
        context_(&context),
        model_(&model),
        template_(std::move(chat_template)),
        template_digest_(sha256(as_bytes(template_source))),
        signer_(std::move(signer)) {
    if (!options.system.empty()) say("system", options.system);
  }

  void say(const char* role, const std::string& content) {
    messages_.push_back({{"role", role}, {"content", content}});
  }
  // answer lets the model speak, shows it while it does, and signs what it said.
  Status answer(const inference::Machine& machine) {
    const inference::Tokenizer& tokenizer = model_->tokenizer();
    TRY(const auto read,
        inference::read_conversation(template_, tokenizer,
                                     {{"messages", messages_}, {"add_generation_prompt", true}},
                                     context_->now));
    const inference::GenerateRequest request{.prompt = read.tokens,
                                             .sampler = options_->sampler,
                                             .max_tokens = options_->max_tokens,
                                             .end_tokens = tokenizer.vocabulary().end_tokens(),
                                             .prefixes = &prefixes_};
    TRY(const auto made,
        inference::generate(*model_->transformer(), request, machine, [&](inference::Token token) {
          if (!context_->json) context_->terminal.write(printable_piece(tokenizer.piece(token)));
          return true;
        }));
    if (!context_->json) context_->terminal.write("\n");
    say("assistant", tokenizer.decode(made.tokens));
    return sign(read.tokens, made);
  }
  const nlohmann::ordered_json& messages() const { return messages_; }
  const nlohmann::ordered_json& receipts() const { return receipts_; }
  const AnswerSigner& signer() const { return signer_; }

 private:
  Status sign(const std::vector<inference::Token>& prompt, const inference::Answer& made) {
    inference::Receipt receipt = signer_.begin(*model_, context_->now);
    receipt.prompt = prompt;
    receipt.template_digest = template_digest_;
    receipt.sampler = options_->sampler;
    receipt.answer = made.tokens;
    receipt.stopped = made.stopped;
    receipt.logits = made.logits;
    TRY(const AnswerSigner::Signed done, signer_.sign(receipt, {}, context_->now));
    receipts_.push_back(to_hex(done.id));
    if (options_->receipts.empty()) return {};
    TRY_VOID(system_files().make_directories(options_->receipts, 0700));
    return write_file_atomically(Path(options_->receipts) / (to_hex(done.id) + ".receipt"),
                                 done.file, 0600);
  }

  const ChatOptions* options_;
  const Context* context_;
  const inference::RunnableModel* model_;
  inference::ChatTemplate template_;
  Sha256 template_digest_;
  AnswerSigner signer_;
  // Each turn is read on top of the turns before it.
  inference::PrefixCache prefixes_{1ULL << 30};
  nlohmann::ordered_json messages_ = nlohmann::ordered_json::array();
  nlohmann::ordered_json receipts_ = nlohmann::ordered_json::array();
};

Result<Report> chat(const ChatOptions& options, const Context& context) {
  if (options.render) {
    if (options.model.empty() && options.template_file.empty())
      return fail(usage_error("--render needs --model or --template"));
    return render(options, context);
  }
  if (options.model.empty()) return fail(usage_error("--model is required"));
  TRY(const TrustRoot trust, load_trust(options.trust));
  TRY(const auto policy, load_release_policy(options.policy));
  std::optional<Path> bundle;
  if (!options.bundle.empty()) bundle = options.bundle;
  TRY(const auto model,
      inference::open_verified_model(options.model, bundle, trust, policy, context.now));
  TRY_VOID(inference::writing_model(model));
  TRY(std::string source, find_source(options, model.chat_template()));
  TRY(auto chat_template, parse_template(options, source));
  TRY(AnswerSigner signer, AnswerSigner::make(options.agent));

  const unsigned threads =
      options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  const auto pool = inference::make_thread_pool(threads);
  const inference::Machine machine{.executor = pool.get()};
  Conversation conversation(options, context, model, std::move(chat_template), std::move(source),
                            std::move(signer));
  if (!context.json)
    context.terminal.write(model.verdict().release +
                           " checks out. Write a line; an empty one or end of input ends.\n");
  std::string line;
  for (;;) {
    if (!context.json) context.terminal.write("> ");
    if (!std::getline(std::cin, line) || line.empty()) break;
    conversation.say("user", line);
    TRY_VOID(conversation.answer(machine));
  }
  Report report;
  report.json["release"] = model.verdict().release;
  report.json["messages"] = conversation.messages();
  report.json["receipts"] = conversation.receipts();
  report.field("receipts", std::to_string(conversation.receipts().size()) + " signed" +
                               (options.receipts.empty() ? "; keep them with --receipts FOLDER"
                                                         : ", in " + options.receipts));
  report.field("key", conversation.signer().key_in_words());
  return report;
}

}  // namespace

void add_chat_command(CommandLine& command_line) {
  Command* verb =
      command_line.top_verb("chat", "Talk with a model, once its lineage checks out",
                            "attestctl chat --model tiny.gguf --trust trust.toml\n"
                            "  attestctl chat --render --model tiny.gguf --json <messages.json");
  auto options = std::make_shared<ChatOptions>();
  verb->add_option("--model", options->model, "The model (GGUF)");
  verb->add_option("--bundle", options->bundle,
                   "Its proof bundle; MODEL.attest/bundle.cbor without");
  add_trust_option(verb, options->trust);
  verb->add_option("--policy", options->policy, "What a model must be (TOML)");
  verb->add_option("--template", options->template_file,
                   "Another chat template than the model's own");
  verb->add_flag("--render", options->render,
                 "Only show what the template makes of a conversation: on standard input, JSON "
                 "messages or all that the template asks for");
  verb->add_option("--system", options->system, "What the model is told before the conversation");
  verb->add_option("--max-tokens", options->max_tokens, "At most this many an answer; 512 without")
      ->positive();
  verb->add_option("--temperature", options->sampler.temperature,
                   "0 (the default) takes the likeliest token");
  verb->add_option("--top-k", options->sampler.top_k, "Sample among this many tokens; 0 means all");
  verb->add_option("--top-p", options->sampler.top_p, "Sample among tokens of this much weight");
  verb->add_option("--min-p", options->sampler.min_p,
                   "Leave out tokens of less than this share of the likeliest");
  verb->add_option("--seed", options->sampler.seed, "The same seed gives the same answer");
  verb->add_option("--agent", options->agent,
                   "agentd's socket: has the node's TPM quote the receipt key");
  verb->add_option("--receipts", options->receipts,
                   "Write the receipt of each answer into this folder");
  verb->add_option("--threads", options->threads,
                   "All cores without; the answer does not depend on it");
  command_line.runs(verb, [options](const Context& context) { return chat(*options, context); });
}

}  // namespace attest::cli
