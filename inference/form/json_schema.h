// JSON schemas as grammars: a strict, bounded subset. What the subset cannot keep is refused by
// name, never left out: an answer that was asked to be of a form is of that form.
//
//   type        string, number, integer, boolean, null, object, array, or a list of these
//   string      minLength, maxLength (characters); or format: date, time, date-time, uuid
//   integer     minimum, maximum, exclusiveMinimum, exclusiveMaximum (whole numbers)
//   array       items, minItems, maxItems
//   object      properties, required; additionalProperties: false, or without properties a schema
//   any         enum, const; anyOf; $ref to "#", "#/$defs/…" and "#/definitions/…"
//   besides     title, description, default, examples, deprecated, $schema, $id, $comment, $defs,
//               definitions: they ask nothing of an answer
//
// Members are written in the order of `properties`, and no others. Numbers have at most 16 digits
// before and behind the point. Between parts a text may have one space, or a new line and at most
// 20 spaces. February has 28 days in dates.
#pragma once

#include <string_view>

#include "inference/form/byte_grammar.h"

namespace attest::inference {

// parse_json_schema refuses what is no JSON (the JSON rules), keywords that are not above
// (rules::schema_keyword), values of theirs that make no sense (rules::schema_value), and what
// GrammarBuilder::finish refuses.
Result<ByteGrammar> parse_json_schema(std::string_view text);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule schema_keyword{"inference.schema.keyword"};
inline constexpr Rule schema_value{"inference.schema.value"};
}  // namespace attest::rules
