#include "inference/template/template_interpreter.h"

#include <algorithm>
#include <cmath>

#include "libattest/base/text.h"

namespace attest::inference::templates {

namespace {

constexpr std::size_t deepest_call = 20;
constexpr std::size_t deepest_value = 80;

// Names set in a loop's round or a macro are forgotten behind it.
struct Scope {
  Dictionary names;
  Scope* outer = nullptr;
};

class Interpreter {
 public:
  Interpreter(const Syntax& syntax, const Dictionary& variables, const Rendering& rendering)
      : syntax_(syntax), rendering_(rendering), work_(rendering.work) {
    root_.names = variables;
    scope_ = &root_;
  }

  Result<std::string> run() {
    std::string text;
    TRY_VOID(block(syntax_.body, text));
    return text;
  }

 private:
  enum class Flow { on, leave, next };

  // Keeps a scope for as long as its block runs.
  class Inner {
   public:
    Inner(Interpreter& interpreter, Scope* outer) : interpreter_(interpreter) {
      scope_.outer = outer;
      before_ = std::exchange(interpreter.scope_, &scope_);
    }
    ~Inner() { interpreter_.scope_ = before_; }
    Inner(const Inner&) = delete;
    Inner& operator=(const Inner&) = delete;

   private:
    Interpreter& interpreter_;
    Scope scope_;
    Scope* before_;
  };

  Status write(std::string_view more, std::string& to) {
    TRY_VOID(work_.spend(more.size()));
    if (more.size() > rendering_.text || to.size() > rendering_.text - more.size())
      return fail(refused(rules::template_limit, "the template writes too long a text"));
    to += more;
    return {};
  }

  // ---- statements

  Result<Flow> block(const Block& statements, std::string& to) {
    for (const Statement& each : statements) {
      auto flow = statement(each, to);
      if (!flow && flow.error().where.empty())
        flow.error().within("template line " + std::to_string(each.line));
      if (!flow || *flow != Flow::on) return flow;
    }
    return Flow::on;
  }

  Result<Flow> statement(const Statement& s, std::string& to) {
    TRY_VOID(work_.spend(1));
    switch (s.kind) {
      case Statement::Kind::text:
        TRY_VOID(write(s.text, to));
        return Flow::on;
      case Statement::Kind::output: {
        TRY(const Value value, evaluate(*s.expression));
        TRY_VOID(work_.spend(value.weight()));
        TRY_VOID(write(value.to_text(), to));
        return Flow::on;
      }
      case Statement::Kind::loop:
        return loop(s, to);
      case Statement::Kind::condition: {
        TRY(const Value value, evaluate(*s.expression));
        return block(value.truth() ? s.body : s.otherwise, to);
      }
      case Statement::Kind::set: {
        TRY(const Value value, evaluate(*s.expression));
        TRY_VOID(assign(s.targets, value));
        return Flow::on;
      }
      case Statement::Kind::set_block:
        TRY_VOID(set_block(s));
        return Flow::on;
      case Statement::Kind::macro:
        scope_->names.set(s.text, Macro{s.macro});
        return Flow::on;
      case Statement::Kind::call: {
        const Value body(Macro{s.macro, scope_});
        TRY(const Value value, call(*s.expression, &body));
        TRY_VOID(write(value.to_text(), to));
        return Flow::on;
      }
      case Statement::Kind::body:
        return block(s.body, to);
      case Statement::Kind::leave:
        return Flow::leave;
      case Statement::Kind::next:
        return Flow::next;
    }
    return Flow::on;
  }

  Result<Flow> loop(const Statement& s, std::string& to) {
    TRY(const Value over, evaluate(*s.expression));
    TRY_VOID(work_.spend(over.weight()));
    TRY(auto items, items_of(over));
    if (s.filter) {
      List kept;
      for (const Value& item : *items) {
        const Inner inner(*this, scope_);
        TRY_VOID(assign(s.targets, item));
        TRY(const Value holds, evaluate(*s.filter));
        if (holds.truth()) kept.push_back(item);
      }
      items = std::make_shared<const List>(std::move(kept));
    }
    if (items->empty()) return block(s.otherwise, to);
    for (std::size_t i = 0; i < items->size(); ++i) {
      const Inner inner(*this, scope_);
      TRY_VOID(work_.spend(1));
      scope_->names.set("loop", Value(std::make_shared<const Loop>(Loop{items, i, 1})));
      TRY_VOID(assign(s.targets, (*items)[i]));
      TRY(const Flow flow, block(s.body, to));
      if (flow == Flow::leave) break;
    }
    return Flow::on;
  }

  Status set_block(const Statement& s) {
    std::string text;
    {
      const Inner inner(*this, scope_);
      TRY_VOID(block(s.body, text));
    }
    const Inner inner(*this, scope_);
    scope_->names.set("(block)", Value(std::move(text)));
    TRY(const Value value, evaluate(*s.expression));
    Scope* const own = std::exchange(scope_, scope_->outer);
    const auto assigned = assign(s.targets, value);
    scope_ = own;
    return assigned;
  }

  Status assign(const std::vector<Target>& targets, const Value& value) {
    if (targets.size() == 1) return assign(targets.front(), value);
    const List* parts = value.list();
    if (!parts || parts->size() != targets.size())
      return fail(wrong_value("a value does not come apart into " + std::to_string(targets.size()) +
                              " names"));
    for (std::size_t i = 0; i < targets.size(); ++i) TRY_VOID(assign(targets[i], (*parts)[i]));
    return {};
  }

  Status assign(const Target& target, const Value& value) {
    if (target.member.empty()) {
      scope_->names.set(target.name, value);
      return {};
    }
    const Value* found = find(target.name);
    const auto* space = found ? found->get<std::shared_ptr<Dictionary>>() : nullptr;
    if (!space)
      return fail(wrong_value("only a namespace has members that can be set")
                      .found("\"" + printable(target.name, 60) + "\""));
    // A namespace that held itself would never end.
    if (value.holds_namespace()) return fail(wrong_value("a namespace cannot hold a namespace"));
    (*space)->set(target.member, value);
    return {};
  }

  // ---- expressions

  const Value* find(std::string_view name) const {
    for (const Scope* scope = scope_; scope; scope = scope->outer)
      if (const Value* found = scope->names.find(name)) return found;
    return nullptr;
  }

  // Values are looked at whole, by loops of the machine's stack: so they stay shallow.
  Result<Value> evaluate(const Expression& e) {
    TRY_VOID(work_.spend(1));
    auto value = evaluate_any(e);
    if (value && value->depth() > deepest_value)
      return fail(refused(rules::template_limit, "the template nests values too deeply"));
    return value;
  }

  Result<Value> evaluate_any(const Expression& e) {
    switch (e.operation) {
      case Operation::constant:
        return e.constant;
      case Operation::name:
        if (const Value* found = find(e.text)) return *found;
        if (has_function(e.text)) return Value(Function{e.text});
        return Value(Undefined{e.text});
      case Operation::list: {
        List list;
        for (const auto& part : e.parts) {
          TRY(Value value, evaluate(*part));
          list.push_back(std::move(value));
        }
        return Value(std::move(list));
      }
      case Operation::dictionary:
        return dictionary(e);
      case Operation::attribute: {
        TRY(const Value of, evaluate(*e.parts[0]));
        return member_of(of, e.text);
      }
      case Operation::subscript: {
        TRY(const Value of, evaluate(*e.parts[0]));
        TRY(const Value key, evaluate(*e.parts[1]));
        return item_of(of, key);
      }
      case Operation::slice:
        return slice(e);
      case Operation::call:
        return call(e, nullptr);
      case Operation::spread:
        return fail(wrong_value("a list that is several arguments, where there are none"));
      case Operation::filter: {
        TRY(const Value value, evaluate(*e.parts[0]));
        TRY(const Arguments arguments, this->arguments(e));
        TRY_VOID(work_.spend(value.weight()));
        return apply_filter(e.text, value, arguments, work_);
      }
      case Operation::test:
      case Operation::not_test: {
        TRY(const Value value, evaluate(*e.parts[0]));
        TRY(const Arguments arguments, this->arguments(e));
        TRY_VOID(work_.spend(value.weight()));
        TRY(const bool holds, apply_test(e.text, value, arguments));
        return Value(holds == (e.operation == Operation::test));
      }
      case Operation::logical_and:
      case Operation::logical_or: {
        TRY(Value left, evaluate(*e.parts[0]));
        if (left.truth() == (e.operation == Operation::logical_or)) return left;
        return evaluate(*e.parts[1]);
      }
      case Operation::logical_not: {
        TRY(const Value value, evaluate(*e.parts[0]));
        return Value(!value.truth());
      }
      case Operation::condition: {
        TRY(const Value test, evaluate(*e.parts[0]));
        if (test.truth()) return evaluate(*e.parts[1]);
        return e.parts[2] ? evaluate(*e.parts[2]) : Result<Value>(Value());
      }
      case Operation::negate:
      case Operation::plus: {
        TRY(const Value value, evaluate(*e.parts[0]));
        return arithmetic(e.operation == Operation::negate ? Operation::subtract : Operation::add,
                          Value(std::int64_t{0}), value);
      }
      default: {
        TRY(const Value left, evaluate(*e.parts[0]));
        TRY(const Value right, evaluate(*e.parts[1]));
        return combine(e.operation, left, right);
      }
    }
  }

  Result<Value> dictionary(const Expression& e) {
    Dictionary made;
    for (std::size_t i = 0; i < e.parts.size(); ++i) {
      TRY(const Value key, evaluate(*e.parts[i]));
      if (!key.text()) return fail(wrong_value("keys of dictionaries are texts"));
      TRY(Value value, evaluate(*e.named[i].second));
      made.set(*key.text(), std::move(value));
    }
    return Value(std::move(made));
  }

  Result<Arguments> arguments(const Expression& e) {
    Arguments made;
    for (std::size_t i = 1; i < e.parts.size(); ++i) {
      const bool several = e.parts[i]->operation == Operation::spread;
      TRY(Value value, evaluate(several ? *e.parts[i]->parts[0] : *e.parts[i]));
      TRY_VOID(work_.spend(value.weight()));
      if (several) {
        TRY(const auto items, items_of(value));
        made.positional.insert(made.positional.end(), items->begin(), items->end());
      } else {
        made.positional.push_back(std::move(value));
      }
    }
    for (const auto& [name, part] : e.named) {
      TRY(Value value, evaluate(*part));
      TRY_VOID(work_.spend(value.weight()));
      made.named.emplace_back(name, std::move(value));
    }
    return made;
  }

  // `caller` is the body of a call block.
  Result<Value> call(const Expression& e, const Value* caller) {
    TRY(const Value callee, evaluate(*e.parts[0]));
    TRY(Arguments arguments, this->arguments(e));
    if (const auto* method = callee.get<Method>()) {
      TRY_VOID(work_.spend(method->of->weight()));
      return call_method(*method->of, method->name, arguments, work_);
    }
    if (const auto* function = callee.get<Function>())
      return call_function(function->name, arguments, rendering_.now, work_);
    if (const auto* macro = callee.get<Macro>()) {
      if (calls_ == deepest_call)
        return fail(refused(rules::template_limit, "macros call each other too deeply"));
      ++calls_;
      Scope* const outer = macro->scope ? static_cast<Scope*>(macro->scope) : &root_;
      auto value = call_macro(syntax_.macros[macro->number], arguments, outer, caller);
      --calls_;
      return value;
    }
    return fail(wrong_value("the template calls what cannot be called")
                    .found(e.parts[0]->text.empty()
                               ? std::string(callee.kind())
                               : "\"" + printable(e.parts[0]->text, 60) + "\""));
  }

  Result<Value> call_macro(const MacroDefinition& macro, const Arguments& arguments, Scope* outer,
                           const Value* caller) {
    if (arguments.positional.size() > macro.parameters.size())
      return fail(wrong_value("macro " + macro.name + " has fewer parameters"));
    const Inner inner(*this, outer);
    if (caller) scope_->names.set("caller", *caller);
    for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
      const auto& [name, absent] = macro.parameters[i];
      Value value(Undefined{name});
      if (const Value* given = arguments.find(i, name)) {
        value = *given;
      } else if (absent) {
        TRY(value, evaluate(*absent));
      }
      scope_->names.set(name, std::move(value));
    }
    std::string text;
    TRY_VOID(block(macro.body, text));
    return Value(std::move(text));
  }

  Result<Value> slice(const Expression& e) {
    TRY(const Value of, evaluate(*e.parts[0]));
    std::optional<std::int64_t> bounds[3];
    for (std::size_t i = 1; i < e.parts.size(); ++i) {
      if (!e.parts[i]) continue;
      TRY(const Value bound, evaluate(*e.parts[i]));
      if (bound.is_none()) continue;
      bounds[i - 1] = bound.integer();
      if (!bounds[i - 1]) return fail(wrong_value("a slice is bounded by integers"));
    }
    if (of.is_undefined()) return item_of(of, Value(std::int64_t{0}));
    if (!of.list() && !of.text())
      return fail(wrong_value("only lists and texts have slices").found(std::string(of.kind())));
    TRY_VOID(work_.spend(of.weight()));
    TRY(const auto items, items_of(of));
    const auto size = static_cast<std::int64_t>(items->size());
    const std::int64_t step = bounds[2].value_or(1);
    if (step == 0 || step < -size - 1) return fail(wrong_value("a wrong step of a slice"));
    const auto clamp = [&](std::optional<std::int64_t> bound, std::int64_t absent) {
      if (!bound) return absent;
      const std::int64_t at = *bound < 0 ? *bound + size : *bound;
      return step > 0 ? std::clamp<std::int64_t>(at, 0, size)
                      : std::clamp<std::int64_t>(at, -1, size - 1);
    };
    const std::int64_t from = clamp(bounds[0], step > 0 ? 0 : size - 1);
    const std::int64_t to = clamp(bounds[1], step > 0 ? size : -1);
    List out;
    for (std::int64_t i = from; step > 0 ? i < to : i > to;) {
      out.push_back((*items)[static_cast<std::size_t>(i)]);
      if (step > size) break;
      i += step;
    }
    TRY_VOID(work_.spend(out.size()));
    if (of.list()) return Value(std::move(out));
    std::string text;
    for (const Value& each : out) text += *each.text();
    return Value(std::move(text));
  }

  Result<Value> combine(Operation operation, const Value& left, const Value& right) {
    TRY_VOID(work_.spend(left.weight()));
    TRY_VOID(work_.spend(right.weight()));
    switch (operation) {
      case Operation::equal:
        return Value(left == right);
      case Operation::unequal:
        return Value(!(left == right));
      case Operation::in:
      case Operation::not_in: {
        TRY(const bool found, contains(right, left));
        return Value(found == (operation == Operation::in));
      }
      case Operation::less:
      case Operation::greater_equal:
        return compare(left, right, operation == Operation::less);
      case Operation::greater:
      case Operation::less_equal:
        return compare(right, left, operation == Operation::greater);
      case Operation::join: {
        std::string text = left.to_text() + right.to_text();
        TRY_VOID(work_.spend(text.size()));
        return Value(std::move(text));
      }
      default:
        return arithmetic(operation, left, right);
    }
  }

  static Result<Value> compare(const Value& left, const Value& right, bool wanted) {
    const auto smaller = less(left, right);
    if (!smaller) return fail(cannot("compare", left, right));
    return Value(*smaller == wanted);
  }

  static Error cannot(std::string_view what, const Value& left, const Value& right) {
    return wrong_value("the template cannot " + std::string(what) + " these values")
        .found(std::string(left.kind()) + " and " + std::string(right.kind()));
  }

  Result<Value> arithmetic(Operation operation, const Value& left, const Value& right) {
    if (operation == Operation::add) {
      if (const auto *a = left.text(), *b = right.text(); a && b) {
        TRY_VOID(work_.spend(a->size() + b->size()));
        return Value(*a + *b);
      }
      if (const auto *a = left.list(), *b = right.list(); a && b) {
        TRY_VOID(work_.spend(a->size() + b->size()));
        List both = *a;
        both.insert(both.end(), b->begin(), b->end());
        return Value(std::move(both));
      }
    }
    if (operation == Operation::multiply && (left.text() || right.text()) &&
        (left.integer() || right.integer()))
      return repeat(left.text() ? *left.text() : *right.text(),
                    left.text() ? *right.integer() : *left.integer());
    const auto x = left.number();
    const auto y = right.number();
    if (!x || !y) return fail(cannot("calculate with", left, right));
    const auto a = left.integer();
    const auto b = right.integer();
    if (a && b && operation != Operation::divide) return whole(operation, *a, *b);
    return real(operation, *x, *y);
  }

  Result<Value> repeat(const std::string& text, std::int64_t times) {
    std::string out;
    if (times > 0 && !text.empty()) {
      if (static_cast<std::uint64_t>(times) > rendering_.text / text.size())
        return fail(refused(rules::template_limit, "the template makes too long a text"));
      TRY_VOID(work_.spend(text.size() * static_cast<std::uint64_t>(times)));
      for (std::int64_t i = 0; i < times; ++i) out += text;
    }
    return Value(std::move(out));
  }

  static Result<Value> whole(Operation operation, std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    bool beyond = false;
    switch (operation) {
      case Operation::add:
        beyond = __builtin_add_overflow(a, b, &result);
        break;
      case Operation::subtract:
        beyond = __builtin_sub_overflow(a, b, &result);
        break;
      case Operation::multiply:
        beyond = __builtin_mul_overflow(a, b, &result);
        break;
      case Operation::floor_divide:
      case Operation::modulo: {
        if (b == 0) return fail(wrong_value("a division by zero"));
        if (b == -1 && a == INT64_MIN) {
          beyond = true;
          break;
        }
        // Python rounds down, C++ towards zero.
        const std::int64_t rest = a % b;
        const bool down = rest != 0 && (rest < 0) != (b < 0);
        result = operation == Operation::modulo ? (down ? rest + b : rest) : a / b - (down ? 1 : 0);
        break;
      }
      case Operation::power: {
        if (b < 0) return Value(std::pow(static_cast<double>(a), static_cast<double>(b)));
        result = 1;
        for (std::int64_t i = 0; i < b && !beyond && result != 0 && a != 1; ++i) {
          if (i > 64 && a == -1) return Value(std::int64_t{b % 2 == 0 ? 1 : -1});
          beyond = __builtin_mul_overflow(result, a, &result);
        }
        break;
      }
      default:
        return fail(wrong_value("an unknown operation"));
    }
    if (beyond) return fail(wrong_value("an integer beyond 64 bits"));
    return Value(result);
  }

  static Result<Value> real(Operation operation, double x, double y) {
    switch (operation) {
      case Operation::add:
        return Value(x + y);
      case Operation::subtract:
        return Value(x - y);
      case Operation::multiply:
        return Value(x * y);
      case Operation::power:
        return Value(std::pow(x, y));
      default:
        break;
    }
    if (y == 0) return fail(wrong_value("a division by zero"));
    if (operation == Operation::divide) return Value(x / y);
    const double quotient = std::floor(x / y);
    return Value(operation == Operation::floor_divide ? quotient : x - quotient * y);
  }

  const Syntax& syntax_;
  const Rendering& rendering_;
  Work work_;
  Scope root_;
  Scope* scope_;
  std::size_t calls_ = 0;
};

}  // namespace

Result<std::string> render(const Syntax& syntax, const Dictionary& variables,
                           const Rendering& rendering) {
  return Interpreter(syntax, variables, rendering).run();
}

}  // namespace attest::inference::templates
