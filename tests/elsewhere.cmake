# Runs the conformance program on the folder that FEWSTEP_GOLDEN names when the tests run, if it is set:
#   cmake -D PROGRAM=conformance -P tests/elsewhere.cmake
if(NOT DEFINED ENV{FEWSTEP_GOLDEN})
  message("FEWSTEP_GOLDEN is not set")
  return()
endif()
execute_process(COMMAND ${PROGRAM} $ENV{FEWSTEP_GOLDEN} RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "conformance $ENV{FEWSTEP_GOLDEN}: ${failed}")
endif()
