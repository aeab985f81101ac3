# What our own tests, examples and benchmarks are built with. Nothing here reaches a user of the library.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(fewstep_warnings INTERFACE)
if(NOT MSVC)
  target_compile_options(fewstep_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
  # GCC 12 takes "text" + std::to_string(number) for overlapping memory (GCC bug 105651), and what it compares for too short.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(fewstep_warnings INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
  if(FEWSTEP_WERROR)
    target_compile_options(fewstep_warnings INTERFACE -Werror)
  endif()
  if(FEWSTEP_NATIVE)
    target_compile_options(fewstep_warnings INTERFACE -march=native)
  endif()
endif()

# Looks once for what the components need, and compiles each header of those found alone.
get_property(components GLOBAL PROPERTY fewstep_components)
foreach(component IN LISTS components)
  fewstep_find_dependencies(${component})
  if(fewstep_${component}_FOUND)
    get_target_property(target fewstep::${component} ALIASED_TARGET)
    set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  else()
    message(STATUS "Without fewstep::${component}: needs ${fewstep_${component}_NEEDS}")
  endif()
endforeach()

# fewstep_executable(NAME SOURCES file... [LINK target...]) makes one of our own programs.
function(fewstep_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE fewstep_warnings ${arg_LINK})
endfunction()

# fewstep_multiplies_matrices(source...) spares sources a false alarm: GCC 12 takes the undefined registers inside its own
# AVX-512 intrinsics, which Eigen's products use, for a mistake (GCC bug 105593).
function(fewstep_multiplies_matrices)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "-Wno-uninitialized;-Wno-maybe-uninitialized")
  endif()
endfunction()
