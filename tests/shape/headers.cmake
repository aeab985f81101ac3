# Checks the shape of the headers and fails with one line for each defect:
#   cmake -D INCLUDE=include -P tests/shape/headers.cmake
# Includes point from a level to itself or downwards, name a full path, and leave out the headers that cost users most;
# a header opens with its `@file` sentence; fewstep.hpp lists all that sampling needs.
cmake_minimum_required(VERSION 3.24)

# What the headers of a folder ("top" for those beside fewstep.hpp) may include: folders, or single headers.
set(may_include_tensor tensor)
set(may_include_random random)
set(may_include_schedule schedule)
set(may_include_plan plan schedule)
set(may_include_search search schedule)
set(may_include_unet unet tensor schedule)
set(may_include_adapt adapt tensor)
set(may_include_denoiser denoiser tensor schedule plan/plan.hpp)
set(may_include_noise noise tensor random schedule)
set(may_include_top top denoiser noise tensor random schedule plan/plan.hpp)
set(may_include_io io tensor schedule plan denoiser sample.hpp)
set(may_include_nn nn unet adapt/eigen.hpp io denoiser/scalings.hpp tensor schedule)
set(may_include_audit audit top denoiser noise tensor random schedule plan)
set(may_include_statistics statistics denoiser noise tensor random schedule plan/plan.hpp)
set(may_include_train train denoiser tensor schedule plan)

set(banned iostream random regex format functional)
# What fewstep.hpp leaves out, to cost little: folders, and headers of its own folders. It is for sampling.
set(included_by_name adapt audit io nn search statistics train unet)
set(headers_by_name
    adaptive.hpp editing.hpp denoiser/two_heads.hpp noise/scaled.hpp
    noise/torch.hpp random/mt19937.hpp random/torch_normal.hpp
    plan/analytic.hpp plan/analytic_elementwise.hpp plan/noise_clip.hpp
    schedule/data_error.hpp schedule/data_range.hpp schedule/moment_repair.hpp schedule/moment_sources.hpp schedule/moment_table.hpp
    schedule/running_mean.hpp
    tensor/differentiable.hpp)

set(defects "")

# folder_of(OUT PATH): the first folder of a path below include/fewstep, "top" where there is none.
function(folder_of out path)
  set(${out} top PARENT_SCOPE)
  if(path MATCHES "^([^/]+)/")
    set(${out} ${CMAKE_MATCH_1} PARENT_SCOPE)
  endif()
endfunction()

# check_includes(HEADER LINES): every include is allowed where it stands.
function(check_includes header lines)
  folder_of(folder ${header})
  if(NOT DEFINED may_include_${folder})
    list(APPEND defects "${header}: the folder ${folder}/ has no level yet, set one in tests/shape/headers.cmake")
    set(defects "${defects}" PARENT_SCOPE)
    return()
  endif()
  list(JOIN may_include_${folder} " " allowed)
  foreach(line IN LISTS lines)
    if(line MATCHES "^#include \"fewstep/([^\"]+)\"")
      set(included ${CMAKE_MATCH_1})
      folder_of(target ${included})
      if(NOT target IN_LIST may_include_${folder} AND NOT included IN_LIST may_include_${folder})
        list(APPEND defects "${header} includes ${included}: ${folder} may include only ${allowed}")
      endif()
    elseif(line MATCHES "^#include \"([^\"]+)\"")
      list(APPEND defects "${header} includes \"${CMAKE_MATCH_1}\": write the full path, \"fewstep/...\"")
    elseif(line MATCHES "^#include <([a-z]+)>" AND CMAKE_MATCH_1 IN_LIST banned)
      list(APPEND defects "${header} includes <${CMAKE_MATCH_1}>, which is too dear for a header")
    endif()
  endforeach()
  set(defects "${defects}" PARENT_SCOPE)
endfunction()

# check_opening(HEADER): `/// @file`, then a sentence, and `#pragma once`.
function(check_opening header)
  file(READ ${INCLUDE}/fewstep/${header} text)
  if(NOT text MATCHES "^/// @file\n/// [^\n]+")
    list(APPEND defects "${header} does not open with `/// @file` and a sentence on the line after it")
  endif()
  if(NOT text MATCHES "\n#pragma once\n")
    list(APPEND defects "${header} lacks `#pragma once`")
  endif()
  set(defects "${defects}" PARENT_SCOPE)
endfunction()

cmake_path(ABSOLUTE_PATH INCLUDE)
file(GLOB_RECURSE headers RELATIVE ${INCLUDE}/fewstep ${INCLUDE}/fewstep/*.hpp)
set(listed "")
if("fewstep.hpp" IN_LIST headers)
  file(STRINGS ${INCLUDE}/fewstep/fewstep.hpp listed REGEX "^#include \"fewstep/")
  list(REMOVE_ITEM headers fewstep.hpp)
else()
  list(APPEND defects "fewstep.hpp is missing")
endif()

foreach(header IN LISTS headers)
  file(STRINGS ${INCLUDE}/fewstep/${header} lines REGEX "^#include")
  check_includes(${header} "${lines}")
  check_opening(${header})
  folder_of(folder ${header})
  if(NOT folder IN_LIST included_by_name
     AND NOT header IN_LIST headers_by_name
     AND NOT "#include \"fewstep/${header}\"" IN_LIST listed)
    list(APPEND defects "fewstep.hpp does not include ${header}")
  endif()
endforeach()

list(LENGTH headers count)
if(defects)
  list(JOIN defects "\n  " defects)
  message(FATAL_ERROR "The shape of the headers:\n  ${defects}")
endif()
message(STATUS "${count} headers: includes point downwards, fewstep.hpp is complete")
