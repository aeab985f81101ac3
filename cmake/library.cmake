# The library's targets.

# fewstep_library(NAME HEADERS pattern [EXCEPT folder...] [LINK target...]) makes the INTERFACE target fewstep::NAME of the
# headers below include/fewstep that match, in all folders but the excepted. What it links is linked by name, so that a
# missing package hurts only who uses it.
function(fewstep_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "HEADERS" "EXCEPT;LINK")
  set(include ${PROJECT_SOURCE_DIR}/include)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${include}/fewstep/${arg_HEADERS})
  foreach(folder IN LISTS arg_EXCEPT)
    list(FILTER headers EXCLUDE REGEX "/include/fewstep/${folder}/")
  endforeach()

  set(target fewstep_${name})
  if(name STREQUAL "fewstep")
    set(target fewstep)
  endif()
  add_library(${target} INTERFACE)
  add_library(fewstep::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(${target} INTERFACE cxx_std_20)
  target_sources(${target} INTERFACE FILE_SET HEADERS BASE_DIRS ${include} FILES ${headers})
  target_link_libraries(${target} INTERFACE ${arg_LINK})

  set_property(GLOBAL APPEND PROPERTY fewstep_components ${name})
endfunction()
