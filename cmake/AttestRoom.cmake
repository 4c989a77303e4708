# attest_room(NAME SOURCES a.cpp … DEPENDS attest::base … [PRIVATE_DEPENDS OpenSSL::Crypto …])
#
# Declares one room of the house as a static library attest_<NAME>, alias attest::<NAME>. DEPENDS
# are the rooms and libraries its headers show; PRIVATE_DEPENDS only its sources use.
function(attest_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(attest_${name} STATIC ${ROOM_SOURCES})
  add_library(attest::${name} ALIAS attest_${name})
  target_link_libraries(attest_${name} PUBLIC ${ROOM_DEPENDS} PRIVATE attest::compiler ${ROOM_PRIVATE_DEPENDS})
  target_include_directories(attest_${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>)
endfunction()

# attest_program(NAME SOURCES … DEPENDS …): an installed program in build/<preset>/bin.
function(attest_program name)
  cmake_parse_arguments(PROGRAM "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${PROGRAM_SOURCES})
  target_link_libraries(${name} PRIVATE attest::compiler ${PROGRAM_DEPENDS})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# attest_test(NAME SOURCES … DEPENDS … [LABELS …] [TIMEOUT seconds]): one Catch2 executable and one
# ctest entry. The first target compiles Catch2's main and its precompiled header for all others.
function(attest_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  add_executable(test_${name} ${TEST_SOURCES})
  target_link_libraries(test_${name} PRIVATE attest::compiler catch_main ${TEST_DEPENDS})
  target_precompile_headers(test_${name} REUSE_FROM catch_main)
  set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES LABELS "${TEST_LABELS}" TIMEOUT ${TEST_TIMEOUT})
endfunction()
