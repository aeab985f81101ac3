# Code in the documentation is compiled as it is printed.

# fewstep_extract_snippet(MARKDOWN NAME OUT) writes the C++ block that follows the line <!-- snippet: NAME --> in the file
# MARKDOWN to the file OUT, and configures anew when MARKDOWN changes.
function(fewstep_extract_snippet markdown name out)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${markdown}")
  file(READ "${markdown}" text)

  set(opening "<!-- snippet: ${name} -->\n```cpp\n")
  string(FIND "${text}" "${opening}" begin)
  if(begin EQUAL -1)
    message(FATAL_ERROR "${markdown} has no C++ block after the line <!-- snippet: ${name} -->")
  endif()
  string(LENGTH "${opening}" length)
  math(EXPR begin "${begin} + ${length}")
  string(SUBSTRING "${text}" ${begin} -1 text)

  string(FIND "${text}" "\n```" end)
  if(end EQUAL -1)
    message(FATAL_ERROR "${markdown}: the block ${name} does not end")
  endif()
  math(EXPR end "${end} + 1")
  string(SUBSTRING "${text}" 0 ${end} text)

  # what has not changed is not compiled again
  set(written "")
  if(EXISTS "${out}")
    file(READ "${out}" written)
  endif()
  if(NOT written STREQUAL text)
    file(WRITE "${out}" "${text}")
  endif()
endfunction()
