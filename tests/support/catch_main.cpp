/// @file
/// The main function of the tests for Catch2 2, compiled once; Catch2 3 brings its own.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
