// A driver's library, opened where it is there; nothing is linked, and a function that this version
// lacks is simply absent.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <string>

#include <dlfcn.h>

#include "libattest/base/text.h"

namespace attest::agentd {

class DriverLibrary {
 public:
  explicit DriverLibrary(const std::string& name)
      : handle_(::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) {}
  bool is_open() const { return handle_ != nullptr; }
  // find gives null where the library is older than the function.
  template <typename Function>
  Function find(const char* symbol) const {
    return reinterpret_cast<Function>(::dlsym(handle_.get(), symbol));
  }

 private:
  struct Close {
    void operator()(void* library) const { ::dlclose(library); }
  };
  std::unique_ptr<void, Close> handle_;
};

// put keeps a text of at most `size` bytes as a fact, unless it is empty.
inline void put(std::map<std::string, std::string>& facts, const std::string& name,
                const char* text, std::size_t size) {
  const std::string_view value(text, ::strnlen(text, size));
  if (!value.empty()) facts[name] = printable(value);
}

}  // namespace attest::agentd
