#include "libattest/base/json.h"

#include <algorithm>
#include <set>

#include "libattest/base/text.h"

namespace attest {

namespace {

// Builds the value from nlohmann's SAX events, which come from an iterative parser: depth costs no
// stack. Returning false stops the parse; `error` then says why.
class StrictBuilder final : public nlohmann::json_sax<Json> {
 public:
  explicit StrictBuilder(std::size_t depth_limit) : depth_limit_(depth_limit) {}

  std::optional<Error> error;
  Json root;

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (stack_.back()->contains(name)) {
      error = refused(rules::json_duplicate, "a member name occurs twice")
                  .found("\"" + printable(name) + "\"");
      return false;
    }
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception&) override {
    error = refused(rules::json_form, "this is not JSON")
                .found("\"" + printable(token, 40) + "\"")
                .within("byte " + std::to_string(position));
    return false;
  }

 private:
  Json* place(Json value) {
    if (stack_.empty()) {
      root = std::move(value);
      return &root;
    }
    if (stack_.back()->is_array()) {
      stack_.back()->push_back(std::move(value));
      return &stack_.back()->back();
    }
    Json& slot = (*stack_.back())[key_];
    slot = std::move(value);
    return &slot;
  }
  bool put(Json value) {
    place(std::move(value));
    return true;
  }
  bool open(Json container) {
    if (stack_.size() == depth_limit_) {
      error = refused(rules::json_depth, "the JSON value is nested too deeply")
                  .expected("at most " + std::to_string(depth_limit_) + " levels");
      return false;
    }
    stack_.push_back(place(std::move(container)));
    return true;
  }
  bool close() {
    stack_.pop_back();
    return true;
  }

  std::size_t depth_limit_;
  std::vector<Json*> stack_;
  std::string key_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.size)
    return fail(refused(rules::json_size, "the JSON text is too large")
                    .expected("at most " + std::to_string(limits.size) + " bytes")
                    .found(std::to_string(text.size())));
  // nlohmann skips a byte-order mark silently.
  if (text.starts_with("\xef\xbb\xbf"))
    return fail(refused(rules::json_form, "the JSON text begins with a byte-order mark"));
  StrictBuilder builder(limits.depth);
  if (!Json::sax_parse(text.begin(), text.end(), &builder, Json::input_format_t::json, true))
    return fail(builder.error.value_or(refused(rules::json_form, "this is not JSON")));
  return std::move(builder.root);
}

std::string to_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}
std::string to_line(const OrderedJson& value) {
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}
std::string to_pretty(const OrderedJson& value) {
  return value.dump(2, ' ', false, OrderedJson::error_handler_t::replace);
}

Result<JsonFields> JsonFields::of(const Json& value, std::string what) {
  if (!value.is_object())
    return fail(refused(rules::json_schema, what + " has the wrong type")
                    .expected("an object")
                    .found(value.type_name()));
  return JsonFields(value, std::move(what));
}

Error JsonFields::wrong_type(std::string_view name, std::string expected, const Json& found) const {
  return refused(rules::json_schema, "\"" + std::string(name) + "\" has the wrong type")
      .expected(std::move(expected))
      .found(found.type_name())
      .within(what_);
}

const Json* JsonFields::optional(std::string_view name) {
  asked_.emplace_back(name);
  const auto member = value_->find(name);
  return member == value_->end() ? nullptr : &*member;
}

Result<const Json*> JsonFields::required(std::string_view name) {
  if (const Json* member = optional(name)) return member;
  return fail(
      refused(rules::json_schema, "\"" + std::string(name) + "\" is missing").within(what_));
}

Result<std::string> JsonFields::text(std::string_view name) {
  TRY(const Json* member, required(name));
  if (!member->is_string()) return fail(wrong_type(name, "a string", *member));
  return member->get<std::string>();
}

Result<std::uint64_t> JsonFields::unsigned_integer(std::string_view name) {
  TRY(const Json* member, required(name));
  if (!member->is_number_unsigned()) return fail(wrong_type(name, "a whole number", *member));
  return member->get<std::uint64_t>();
}

Result<bool> JsonFields::boolean(std::string_view name) {
  TRY(const Json* member, required(name));
  if (!member->is_boolean()) return fail(wrong_type(name, "true or false", *member));
  return member->get<bool>();
}

Result<const Json*> JsonFields::array(std::string_view name) {
  TRY(const Json* member, required(name));
  if (!member->is_array()) return fail(wrong_type(name, "an array", *member));
  return member;
}

Result<const Json*> JsonFields::object(std::string_view name) {
  TRY(const Json* member, required(name));
  if (!member->is_object()) return fail(wrong_type(name, "an object", *member));
  return member;
}

Result<Bytes> JsonFields::base64(std::string_view name) {
  TRY(const std::string encoded, text(name));
  TRY_WITHIN(what_ + ": \"" + std::string(name) + "\"", Bytes bytes, from_base64(encoded));
  return bytes;
}

Status JsonFields::finish() const {
  for (const auto& [name, member] : value_->items())
    if (std::ranges::find(asked_, name) == asked_.end())
      return fail(
          refused(rules::json_schema, "unknown member \"" + printable(name) + "\"").within(what_));
  return {};
}

}  // namespace attest
