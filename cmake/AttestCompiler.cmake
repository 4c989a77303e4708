# Warnings, hardening and sanitizers for every target of ours.
add_library(attest_compiler INTERFACE)
add_library(attest::compiler ALIAS attest_compiler)

target_include_directories(attest_compiler INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(attest_compiler INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
  -fstack-protector-strong -fno-strict-overflow)

# Float results must not depend on the compiler: a multiply and an add become one fma only where
# the source says so. Required by the exact profile of inference/.
target_compile_options(attest_compiler INTERFACE -ffp-contract=off)

if(CMAKE_BUILD_TYPE MATCHES "Release|RelWithDebInfo" AND NOT ATTEST_SANITIZE)
  target_compile_definitions(attest_compiler INTERFACE _FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
  target_link_options(attest_compiler INTERFACE -Wl,-z,relro,-z,now -Wl,-z,noexecstack)
endif()

if(ATTEST_SANITIZE)
  target_compile_options(attest_compiler INTERFACE
    -fsanitize=${ATTEST_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(attest_compiler INTERFACE -fsanitize=${ATTEST_SANITIZE})
endif()

# GCC 12 warns about a null dereference and about freed memory inside libstdc++ itself when it
# inlines; both are known false positives (GCC bugs 105329 and 105562).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(attest_compiler INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict> $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>)
endif()

find_program(ATTEST_CCACHE ccache)
if(ATTEST_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${ATTEST_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ATTEST_CCACHE})
endif()
