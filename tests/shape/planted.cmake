# Plants one defect after another in a small tree of headers and requires that headers.cmake names each:
#   cmake -D SCRATCH=folder -P tests/shape/planted.cmake
cmake_minimum_required(VERSION 3.24)

set(tree ${SCRATCH}/planted)

# write_header(PATH [line...]): a sound header with these lines in it.
function(write_header path)
  list(JOIN ARGN "\n" lines)
  file(WRITE ${tree}/fewstep/${path} "/// @file\n/// A header.\n#pragma once\n\n${lines}\n")
endfunction()

# sound_tree(): headers without a defect.
function(sound_tree)
  file(REMOVE_RECURSE ${tree})
  write_header(fewstep.hpp "#include \"fewstep/schedule/low.hpp\"" "#include \"fewstep/plan/high.hpp\"")
  write_header(schedule/low.hpp "#include <vector>")
  write_header(plan/high.hpp "#include \"fewstep/schedule/low.hpp\"")
  write_header(adapt/foreign.hpp "#include <Eigen/Core>")
endfunction()

# require_check(EXPECTED): the check passes where EXPECTED is empty, else it fails with this text.
function(require_check expected)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -D INCLUDE=${tree} -P ${CMAKE_CURRENT_LIST_DIR}/headers.cmake
    RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE said)
  if("${expected}" STREQUAL "" AND failed)
    message(FATAL_ERROR "A sound tree is refused: ${said}")
  elseif(NOT "${expected}" STREQUAL "")
    string(FIND "${said}" "${expected}" place)
    if(NOT failed OR place EQUAL -1)
      message(FATAL_ERROR "Not found: ${expected}. It said: ${said}")
    endif()
  endif()
endfunction()

sound_tree()
require_check("")

write_header(schedule/low.hpp "#include \"fewstep/plan/high.hpp\"")
require_check("schedule/low.hpp includes plan/high.hpp")

sound_tree()
write_header(plan/high.hpp "#include \"low.hpp\"")
require_check("write the full path")

sound_tree()
write_header(plan/high.hpp "#include <iostream>")
require_check("plan/high.hpp includes <iostream>")

sound_tree()
write_header(plan/forgotten.hpp)
require_check("fewstep.hpp does not include plan/forgotten.hpp")

sound_tree()
write_header(elsewhere/stray.hpp)
require_check("the folder elsewhere/ has no level")

sound_tree()
file(WRITE ${tree}/fewstep/plan/high.hpp "#pragma once\n")
require_check("plan/high.hpp does not open with `/// @file`")
