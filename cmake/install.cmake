# Installs the headers, and a package for find_package(fewstep COMPONENTS ...) with one export file a component.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(destination ${CMAKE_INSTALL_LIBDIR}/cmake/fewstep)
get_property(components GLOBAL PROPERTY fewstep_components)
foreach(component IN LISTS components)
  set(target fewstep_${component})
  if(component STREQUAL "fewstep")
    set(target fewstep)
  endif()
  install(TARGETS ${target} EXPORT fewstep-${component} FILE_SET HEADERS)
  install(EXPORT fewstep-${component} NAMESPACE fewstep:: DESTINATION ${destination})
endforeach()

configure_package_config_file(cmake/fewstepConfig.cmake.in fewstepConfig.cmake INSTALL_DESTINATION ${destination})
write_basic_package_version_file(fewstepConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(
  FILES ${PROJECT_BINARY_DIR}/fewstepConfig.cmake ${PROJECT_BINARY_DIR}/fewstepConfigVersion.cmake
        ${PROJECT_SOURCE_DIR}/cmake/dependencies.cmake
  DESTINATION ${destination})
