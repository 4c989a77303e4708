#include "inference/form/json_schema.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "inference/form/grammar_text.h"
#include "inference/form/json_texts.h"
#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::inference {

namespace {

constexpr std::size_t deepest_schema = 40;
constexpr std::int64_t largest_integer = 9'999'999'999'999'999;

using Names = std::set<std::string, std::less<>>;

const Names& annotations() {
  static const Names names{"title",   "description", "default",  "examples", "deprecated",
                           "$schema", "$id",         "$comment", "$defs",    "definitions"};
  return names;
}

// The keywords that ask something of a value of each type.
const std::map<std::string, Names, std::less<>>& keywords_of_types() {
  static const std::map<std::string, Names, std::less<>> keywords{
      {"string", {"minLength", "maxLength", "format"}},
      {"integer", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}},
      {"number", {}},
      {"boolean", {}},
      {"null", {}},
      {"array", {"items", "minItems", "maxItems"}},
      {"object", {"properties", "required", "additionalProperties"}}};
  return keywords;
}

std::string_view type_of(const OrderedJson& value) {
  if (value.is_number_integer()) return "integer";
  if (value.is_number()) return "number";
  return value.type_name();
}

class SchemaCompiler {
 public:
  using Sequence = GrammarBuilder::Sequence;

  explicit SchemaCompiler(const OrderedJson& root) : root_(&root), json_(builder_) {}

  Result<ByteGrammar> compile() {
    TRY(const Sequence all, definition("#", *root_));
    const GrammarBuilder::Rule start = builder_.declare();
    builder_.define(start, {all});
    return builder_.finish(start);
  }

 private:
  static Error wrong(const std::string& place, std::string what) {
    return refused(rules::schema_value, std::move(what)).within(place);
  }

  // definition gives a schema that may be referred to its rule, once.
  Result<Sequence> definition(const std::string& place, const OrderedJson& schema) {
    if (const auto known = definitions_.find(place); known != definitions_.end())
      return GrammarBuilder::call(known->second);
    const GrammarBuilder::Rule rule = builder_.declare();
    definitions_.emplace(place, rule);
    TRY(Sequence value, this->value(place, schema));
    builder_.define(rule, {std::move(value)});
    return GrammarBuilder::call(rule);
  }

  Result<Sequence> reference(const std::string& place, const OrderedJson& to) {
    if (to == "#") return definition("#", *root_);
    if (to.is_string())
      for (const std::string of : {"$defs", "definitions"}) {
        const std::string text = to.get<std::string>();
        const std::string prefix = "#/" + of + "/";
        if (!text.starts_with(prefix) || !root_->contains(of)) continue;
        const OrderedJson& all = (*root_)[of];
        const std::string name = text.substr(prefix.size());
        if (all.is_object() && all.contains(name)) return definition(text, all[name]);
      }
    return fail(wrong(place + "/$ref", "this refers to no definition of the schema")
                    .expected("\"#\", or \"#/$defs/NAME\" of a NAME that is there")
                    .found(printable(to_line(to), 60)));
  }

  Result<Sequence> value(const std::string& place, const OrderedJson& schema) {
    if (schema.is_boolean() && schema.get<bool>()) return json_.any();
    if (!schema.is_object())
      return fail(wrong(place, "a schema is an object").found(printable(to_line(schema), 60)));
    if (schema.contains("$ref")) {
      TRY_VOID(check_keywords(place, schema, {"$ref"}));
      return reference(place, schema["$ref"]);
    }
    if (schema.contains("anyOf")) {
      TRY_VOID(check_keywords(place, schema, {"anyOf"}));
      return any_of(place + "/anyOf", schema["anyOf"]);
    }
    if (schema.contains("enum") || schema.contains("const")) return listed(place, schema);
    return typed(place, schema);
  }

  Status check_keywords(const std::string& place, const OrderedJson& schema,
                        const Names& known) const {
    for (const auto& [keyword, value] : schema.items())
      if (!known.contains(keyword) && !annotations().contains(keyword)) {
        std::string names;
        for (const std::string& name : known) names += (names.empty() ? "" : ", ") + name;
        return fail(refused(rules::schema_keyword, "this keyword cannot be kept here")
                        .expected(names.empty() ? "none" : "one of " + names)
                        .found(printable(keyword, 60))
                        .within(place));
      }
    return {};
  }

  Result<Sequence> any_of(const std::string& place, const OrderedJson& list) {
    if (!list.is_array() || list.empty()) return fail(wrong(place, "this is no list of schemas"));
    std::vector<Sequence> alternatives;
    for (std::size_t i = 0; i < list.size(); ++i) {
      TRY(Sequence one, value(place + "/" + std::to_string(i), list[i]));
      alternatives.push_back(std::move(one));
    }
    return builder_.one_of(std::move(alternatives));
  }

  Result<std::vector<std::string>> types_of(const std::string& place, const OrderedJson& schema) {
    std::vector<std::string> types;
    if (!schema.contains("type")) return types;
    const OrderedJson& said = schema["type"];
    for (const OrderedJson& type : said.is_array() ? said : OrderedJson::array({said})) {
      if (!type.is_string() || !keywords_of_types().contains(type.get<std::string>()))
        return fail(wrong(place + "/type", "this is no type")
                        .expected("string, number, integer, boolean, null, object or array")
                        .found(printable(to_line(type), 60)));
      types.push_back(type.get<std::string>());
    }
    if (types.empty()) return fail(wrong(place + "/type", "no type at all"));
    return types;
  }

  // enum and const: the values as they are, which must be of the type where one is given.
  Result<Sequence> listed(const std::string& place, const OrderedJson& schema) {
    TRY_VOID(check_keywords(place, schema, {"enum", "const", "type"}));
    if (schema.contains("enum") && schema.contains("const"))
      return fail(wrong(place, "either enum or const"));
    const OrderedJson list =
        schema.contains("enum") ? schema["enum"] : OrderedJson::array({schema["const"]});
    if (!list.is_array() || list.empty()) return fail(wrong(place + "/enum", "no list of values"));
    TRY(const auto types, types_of(place, schema));
    std::vector<Sequence> alternatives;
    for (const OrderedJson& each : list) {
      const std::string_view type = type_of(each);
      const bool fits = types.empty() || std::ranges::find(types, type) != types.end() ||
                        (type == "integer" && std::ranges::find(types, "number") != types.end());
      if (!fits)
        return fail(wrong(place, "a value is not of the type").found(printable(to_line(each), 60)));
      alternatives.push_back(builder_.literal(to_line(each)));
    }
    return builder_.one_of(std::move(alternatives));
  }

  Result<Sequence> typed(const std::string& place, const OrderedJson& schema) {
    TRY(auto types, types_of(place, schema));
    if (types.empty() && schema.contains("properties")) types = {"object"};
    if (types.empty() && schema.contains("items")) types = {"array"};
    Names known{"type"};
    for (const std::string& type : types) {
      const Names& its = keywords_of_types().at(type);
      known.insert(its.begin(), its.end());
    }
    TRY_VOID(check_keywords(place, schema, known));
    if (types.empty()) return json_.any();
    std::vector<Sequence> alternatives;
    for (const std::string& type : types) {
      TRY(Sequence one, of_type(type, place, schema));
      alternatives.push_back(std::move(one));
    }
    return builder_.one_of(std::move(alternatives));
  }

  Result<Sequence> of_type(std::string_view type, const std::string& place,
                           const OrderedJson& schema) {
    if (type == "string") return string(place, schema);
    if (type == "integer") return integer(place, schema);
    if (type == "number") return json_.number();
    if (type == "boolean") return json_.boolean();
    if (type == "null") return builder_.literal("null");
    if (type == "array") return array(place, schema);
    return object(place, schema);
  }

  struct Count {
    std::uint32_t least = 0;
    std::optional<std::uint32_t> most;
  };
  Result<Count> count(const std::string& place, const OrderedJson& schema, std::string_view least,
                      std::string_view most) {
    Count count;
    for (const std::string_view name : {least, most}) {
      if (!schema.contains(name)) continue;
      const OrderedJson& value = schema[name];
      if (!value.is_number_unsigned() || value.get<std::uint64_t>() > max_repetitions)
        return fail(wrong(place + "/" + std::string(name), "this is no count that is kept here")
                        .expected("0 to " + std::to_string(max_repetitions))
                        .found(printable(to_line(value), 60)));
      const auto number = value.get<std::uint32_t>();
      if (name == least) {
        count.least = number;
      } else {
        count.most = number;
      }
    }
    if (count.most && *count.most < count.least)
      return fail(wrong(place, "the most is below the least"));
    return count;
  }

  Result<Sequence> string(const std::string& place, const OrderedJson& schema) {
    if (schema.contains("format")) {
      if (schema.contains("minLength") || schema.contains("maxLength"))
        return fail(wrong(place, "a format has its own length"));
      const OrderedJson& format = schema["format"];
      auto known = format.is_string() ? json_.format(format.get<std::string>()) : std::nullopt;
      if (!known)
        return fail(wrong(place + "/format", "this format cannot be kept here")
                        .expected("date, time, date-time or uuid")
                        .found(printable(to_line(format), 60)));
      return *std::move(known);
    }
    TRY(const Count length, count(place, schema, "minLength", "maxLength"));
    return json_.string(length.least, length.most);
  }

  Result<Sequence> integer(const std::string& place, const OrderedJson& schema) {
    struct Bound {
      const char* keyword;
      bool below;
      std::int64_t beside;
    };
    constexpr std::array<Bound, 4> bounds{{{"minimum", true, 0},
                                           {"exclusiveMinimum", true, 1},
                                           {"maximum", false, 0},
                                           {"exclusiveMaximum", false, -1}}};
    std::int64_t least = -largest_integer;
    std::int64_t most = largest_integer;
    for (const auto& [keyword, below, beside] : bounds) {
      if (!schema.contains(keyword)) continue;
      const OrderedJson& value = schema[keyword];
      const bool whole = value.is_number_integer() &&
                         (!value.is_number_unsigned() ||
                          value.get<std::uint64_t>() <= std::uint64_t{largest_integer});
      if (!whole || value.get<std::int64_t>() < -largest_integer)
        return fail(wrong(place + "/" + keyword, "this is no bound that is kept here")
                        .expected("a whole number of at most 16 digits")
                        .found(printable(to_line(value), 60)));
      const std::int64_t bound = value.get<std::int64_t>() + beside;
      if (below) {
        least = std::max(least, bound);
      } else {
        most = std::min(most, bound);
      }
    }
    if (least > most) return fail(wrong(place, "no number is between these bounds"));
    return json_.integer(least, most);
  }

  Result<Sequence> array(const std::string& place, const OrderedJson& schema) {
    Sequence item = json_.any();
    if (schema.contains("items")) {
      TRY(item, value(place + "/items", schema["items"]));
    }
    TRY(const Count items, count(place, schema, "minItems", "maxItems"));
    return json_.array(item, items.least, items.most);
  }

  Result<Sequence> object(const std::string& place, const OrderedJson& schema) {
    const bool has_properties = schema.contains("properties");
    const OrderedJson properties = has_properties ? schema["properties"] : OrderedJson::object();
    if (!properties.is_object())
      return fail(wrong(place + "/properties", "properties are an object"));
    TRY(const Names required, this->required(place, schema, properties));
    TRY_VOID(check_additional(place, schema, has_properties));
    if (!has_properties &&
        !(schema.contains("additionalProperties") && schema["additionalProperties"] == false)) {
      Sequence value = json_.any();
      if (schema.contains("additionalProperties")) {
        TRY(value, this->value(place + "/additionalProperties", schema["additionalProperties"]));
      }
      return json_.map(value);
    }
    std::vector<JsonTexts::Member> members;
    for (const auto& [name, of] : properties.items()) {
      TRY(Sequence value, this->value(place + "/properties/" + printable(name, 60), of));
      members.push_back({to_line(Json(name)), std::move(value), required.contains(name)});
    }
    return json_.object(members);
  }

  Result<Names> required(const std::string& place, const OrderedJson& schema,
                         const OrderedJson& properties) {
    Names names;
    if (!schema.contains("required")) return names;
    if (!schema["required"].is_array()) return fail(wrong(place + "/required", "no list of names"));
    for (const OrderedJson& name : schema["required"]) {
      if (!name.is_string() || !properties.contains(name.get<std::string>()))
        return fail(wrong(place + "/required", "this is no name of the properties")
                        .found(printable(to_line(name), 60)));
      names.insert(name.get<std::string>());
    }
    return names;
  }

  // Members beside those that are named would have to keep off their names.
  Status check_additional(const std::string& place, const OrderedJson& schema,
                          bool has_properties) const {
    if (!has_properties || !schema.contains("additionalProperties") ||
        schema["additionalProperties"] == false)
      return {};
    return fail(wrong(place + "/additionalProperties", "members beside those named are not written")
                    .expected("false, or no properties")
                    .found(printable(to_line(schema["additionalProperties"]), 60)));
  }

  const OrderedJson* root_;
  GrammarBuilder builder_;
  JsonTexts json_;
  std::map<std::string, GrammarBuilder::Rule> definitions_;
};

}  // namespace

Result<ByteGrammar> parse_json_schema(std::string_view text) {
  // The strict reader judges; the order of members is for the other to keep.
  TRY(const Json judged, parse_json(text, {.size = max_form_size, .depth = deepest_schema}));
  return SchemaCompiler(OrderedJson::parse(text)).compile();
}

}  // namespace attest::inference
