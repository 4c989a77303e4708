// The template language, read: what a chat template says, before it meets a conversation.
//
// A strict part of Jinja 2.11 to 3.1 with trim_blocks, lstrip_blocks and loop controls on, as
// transformers sets it: for (with if, else, break, continue, several targets), if, set (also of a
// block, and of a namespace's member), macro, raw, generation, comments; expressions with filters,
// tests, slices, calls and conditions. Not there, and refused: include, import, extends, block,
// filter blocks, recursive loops, comparisons in a chain.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "inference/template/template_value.h"

namespace attest::inference::templates {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

enum class Operation {
  constant,
  name,
  list,
  dictionary,
  attribute,
  subscript,
  slice,
  call,
  filter,
  test,
  not_test,
  negate,
  plus,
  logical_not,
  logical_and,
  logical_or,
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  modulo,
  power,
  join,
  equal,
  unequal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  not_in,
  condition,
  spread,  // of an argument: a list that is several
};

// Expression: `text` is the name of what is named; `parts` are the operands in order. Of a call,
// filter or test the first part is what it is applied to, then arguments; `named` are arguments by
// name, or the members of a dictionary, whose keys are in `parts`. Of a slice the parts behind the
// first may be null.
struct Expression {
  Operation operation;
  std::string text;
  Value constant;
  std::vector<ExpressionPtr> parts;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  std::size_t line = 0;
  std::size_t depth = 1;  // of the tree below, bounded
};

struct Statement;
using Block = std::vector<Statement>;

// A target of set and for: a name, or a member of a namespace.
struct Target {
  std::string name;
  std::string member;
};

struct Statement {
  enum class Kind {
    text,
    output,
    loop,
    condition,
    set,
    set_block,
    macro,
    call,
    body,
    leave,
    next
  } kind;
  std::string text;             // raw text; the name of a macro
  ExpressionPtr expression;     // output, what is looped over, the condition, the value
  ExpressionPtr filter;         // of a loop
  std::vector<Target> targets;  // several where a value is taken apart
  Block body, otherwise;
  std::size_t macro = 0;
  std::size_t line = 0;
};

struct MacroDefinition {
  std::string name;
  std::vector<std::pair<std::string, ExpressionPtr>> parameters;  // with the default, or null
  Block body;
};

struct Syntax {
  Block body;
  std::vector<MacroDefinition> macros;
};

// parse_template refuses what is not in this language (rules::template_syntax), templates of more
// than a mebibyte, and nesting deeper than 100 (rules::template_limit).
Result<Syntax> parse_template(std::string_view source);

}  // namespace attest::inference::templates

namespace attest::rules {
inline constexpr Rule template_syntax{"inference.template.syntax"};
inline constexpr Rule template_limit{"inference.template.limit"};
}  // namespace attest::rules
