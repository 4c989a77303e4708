// Grammars as people write them: a strict, bounded subset of GBNF, the notation of llama.cpp.
//
//   root   ::= greeting ("," " " name)* "."     # the text is what `root` gives
//   name   ::= [A-Z] [a-z]{1,20} | "O'" name
//
// A rule is a name of letters, digits and hyphens, `::=`, and alternatives between `|`, to the end
// of the line; a line goes on after `::=` and `|` and inside parentheses. An item is a text in
// quotes; a class of characters in brackets, `[^…]` all but these; `.` any character; a name; or
// alternatives in parentheses. Behind it `?`, `*`, `+`, `{n}`, `{n,}` or `{n,m}`. In texts and
// classes: \n \r \t \\ \" \[ \] \- \^ \xHH \uHHHH \UHHHHHHHH. Comments begin with `#`.
#pragma once

#include <string_view>

#include "inference/form/byte_grammar.h"

namespace attest::inference {

// parse_grammar refuses what is not of this form, with its line (rules::grammar_form), a grammar
// without `root`, a rule that is given twice or not at all, more than max_repetitions of something,
// and what GrammarBuilder::finish refuses.
Result<ByteGrammar> parse_grammar(std::string_view text);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule grammar_form{"inference.grammar.form"};
}
