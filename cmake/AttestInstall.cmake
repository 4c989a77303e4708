# What `cmake --install` gives to those who build against libattest: one static library of all pure
# rooms, their headers, a CMake package (find_package(attest), target attest::attest) and attest.pc.
# Programs and rooms that open sockets are not in it.
include(CMakePackageConfigHelpers)

# The libraries that attestConfig.cmake.in and attest.pc.in know how to find on a client's machine.
set(ATTEST_FINDABLE
  nlohmann_json::nlohmann_json OpenSSL::Crypto tomlplusplus::tomlplusplus
  PkgConfig::botan PkgConfig::icu PkgConfig::libcbor PkgConfig::libp11 PkgConfig::libxml2
  PkgConfig::xmlsec1)

add_library(attest STATIC)
add_library(attest::attest ALIAS attest)
set_target_properties(attest PROPERTIES LINKER_LANGUAGE CXX)
target_compile_features(attest PUBLIC cxx_std_23)

get_property(rooms DIRECTORY ${CMAKE_SOURCE_DIR}/libattest PROPERTY SUBDIRECTORIES)
list(REMOVE_ITEM rooms ${CMAKE_SOURCE_DIR}/libattest/http)
foreach(room ${rooms})
  get_filename_component(name ${room} NAME)
  target_sources(attest PRIVATE $<TARGET_OBJECTS:attest_${name}>)

  # What the room's headers show is the client's to include; the rest is only linked.
  get_target_property(shown attest_${name} INTERFACE_LINK_LIBRARIES)
  get_target_property(needed attest_${name} LINK_LIBRARIES)
  list(FILTER needed EXCLUDE REGEX "^attest::")
  foreach(library ${needed})
    if(NOT library IN_LIST ATTEST_FINDABLE)
      message(FATAL_ERROR "libattest/${name} needs ${library}: say in cmake/attestConfig.cmake.in and "
        "cmake/attest.pc.in how a client finds it, and name it in cmake/AttestInstall.cmake")
    elseif(library IN_LIST shown)
      target_link_libraries(attest PUBLIC ${library})
    else()
      target_link_libraries(attest PRIVATE ${library})
    endif()
  endforeach()

  # openssl_handles.h is for sources: it would make every client need OpenSSL's headers.
  install(DIRECTORY ${room} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/libattest COMPONENT development
    FILES_MATCHING PATTERN "*.h" PATTERN openssl_handles.h EXCLUDE)
endforeach()

set(ATTEST_PACKAGE_DIRECTORY ${CMAKE_INSTALL_LIBDIR}/cmake/attest)
install(TARGETS attest EXPORT attest
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT attest NAMESPACE attest:: FILE attestTargets.cmake
  DESTINATION ${ATTEST_PACKAGE_DIRECTORY} COMPONENT development)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/attestConfig.cmake.in
  ${CMAKE_BINARY_DIR}/attestConfig.cmake INSTALL_DESTINATION ${ATTEST_PACKAGE_DIRECTORY})
# Before 1.0 a new minor version may change what headers show.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/attestConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/attestConfig.cmake ${CMAKE_BINARY_DIR}/attestConfigVersion.cmake
  DESTINATION ${ATTEST_PACKAGE_DIRECTORY} COMPONENT development)

# The file finds its prefix from where it lies, so that an installed tree can be moved.
file(RELATIVE_PATH ATTEST_PC_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
list(TRANSFORM botan_LIBRARIES PREPEND "-l" OUTPUT_VARIABLE ATTEST_PC_BOTAN)
list(JOIN ATTEST_PC_BOTAN " " ATTEST_PC_BOTAN)
configure_file(${CMAKE_CURRENT_LIST_DIR}/attest.pc.in ${CMAKE_BINARY_DIR}/attest.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/attest.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
