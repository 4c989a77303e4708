#include "inference/template/chat_template.h"

#include "inference/template/template_interpreter.h"
#include "libattest/base/json.h"

namespace attest::inference {

struct ChatTemplate::Parsed {
  templates::Syntax syntax;
};

ChatTemplate::ChatTemplate(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

Result<ChatTemplate> ChatTemplate::parse(std::string_view source) {
  TRY(auto syntax, templates::parse_template(source));
  return ChatTemplate(std::make_shared<const Parsed>(std::move(syntax)));
}

Result<std::string> ChatTemplate::render(const nlohmann::ordered_json& variables, Time now,
                                         TemplateLimits limits) const {
  if (!variables.is_object())
    return fail(refused(rules::template_variables, "a template's variables are an object"));
  const templates::Value values = templates::from_json(variables);
  return templates::render(parsed_->syntax, *values.dictionary(), {now, limits.work, limits.text});
}

Result<nlohmann::ordered_json> parse_variables(std::string_view json) {
  TRY_VOID(parse_json(json));  // strict; what follows keeps the order of members
  auto variables = nlohmann::ordered_json::parse(json, nullptr, false);
  if (variables.is_array())
    variables = {{"messages", std::move(variables)}, {"add_generation_prompt", true}};
  const bool whole =
      variables.is_object() && variables.contains("messages") && variables["messages"].is_array();
  if (!whole)
    return fail(refused(rules::template_variables, "a conversation is missing")
                    .expected("an array of messages, or an object with \"messages\""));
  return variables;
}

}  // namespace attest::inference
