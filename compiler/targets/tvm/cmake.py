# SPDX-License-Identifier: Apache-2.0
"""``CMakeLists.txt``: a compiled network as targets of CMake, for native and for cross builds."""

from collections.abc import Sequence

from intaglio.compiler.targets.tvm.machine import Machine

_HEAD = """\
# The compiled network @NAME@, for @TRIPLE@.  In the project of a program that calls it:
#
#   add_subdirectory(this/folder @NAME@)
#   target_link_libraries(program PRIVATE @NAME@::@NAME@)
@USES@cmake_minimum_required(VERSION 3.13)
project(@NAME@_network LANGUAGES C)

add_library(@NAME@::@NAME@ STATIC IMPORTED GLOBAL)
set_target_properties(@NAME@::@NAME@ PROPERTIES
  IMPORTED_LOCATION "${CMAKE_CURRENT_LIST_DIR}/lib@NAME@.a"
  INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_LIST_DIR}")
"""

_USES = """\
#
# @NAME@::shared instead is lib@NAME@.so@THREADS@.
# This folder built on its own gives the example program, @NAME@_example.
#
# For another processor than this machine's, CMake needs a compiler, such as by
#   cmake -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=@ARCHITECTURE@ \\
#     -DCMAKE_C_COMPILER=@TRIPLE@-gcc
"""

_CHECK = """
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(@ARCHITECTURES@)$")
  message(FATAL_ERROR "@NAME@ is compiled for @ARCHITECTURE@, and this build is for \\
${CMAKE_SYSTEM_PROCESSOR}: set CMAKE_SYSTEM_NAME, CMAKE_SYSTEM_PROCESSOR and CMAKE_C_COMPILER")
endif()
"""

_SHARED = """
if(EXISTS "${CMAKE_CURRENT_LIST_DIR}/lib@NAME@.so")
  add_library(@NAME@::shared SHARED IMPORTED GLOBAL)
  set_target_properties(@NAME@::shared PROPERTIES
    IMPORTED_LOCATION "${CMAKE_CURRENT_LIST_DIR}/lib@NAME@.so"
    IMPORTED_SONAME lib@NAME@.so
    INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_LIST_DIR}")
else()
  add_library(@NAME@_shared SHARED EXCLUDE_FROM_ALL @OBJECTS@)
  set_target_properties(@NAME@_shared PROPERTIES OUTPUT_NAME @NAME@ LINKER_LANGUAGE C)
  target_include_directories(@NAME@_shared INTERFACE "${CMAKE_CURRENT_LIST_DIR}")
  add_library(@NAME@::shared ALIAS @NAME@_shared)
endif()
"""

_POOL = """
find_package(Threads REQUIRED)
add_library(@NAME@_threads STATIC EXCLUDE_FROM_ALL @NAME@_threads.c)
target_include_directories(@NAME@_threads PUBLIC "${CMAKE_CURRENT_LIST_DIR}")
target_link_libraries(@NAME@_threads PUBLIC Threads::Threads)
add_library(@NAME@::threads ALIAS @NAME@_threads)
"""

_EXAMPLE = """
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
  add_executable(@NAME@_example main.c)
  set_target_properties(@NAME@_example PROPERTIES C_STANDARD 11)
  target_link_libraries(@NAME@_example PRIVATE @NAME@::@NAME@@POOL@)
endif()
"""

_ARCHITECTURES = {"aarch64": "aarch64|arm64|ARM64", "x86_64": "x86_64|amd64|AMD64"}
"""What CMake calls a processor, on one system and another."""


def cmake_lists(name: str, machine: Machine, objects: Sequence[str], threads: int) -> str:
    """The text of ``CMakeLists.txt``.

    Args:
        name: of the network.
        machine: what it is compiled for.
        objects: file names of the objects that the network consists of.
        threads: that share the work of a call.
    """
    parts = [_HEAD]
    if not machine.bare:
        parts += [_CHECK, _SHARED, *([_POOL] if threads > 1 else []), _EXAMPLE]
    architecture = machine.triple.partition("-")[0]
    values = {
        "USES": "" if machine.bare else _USES,
        "THREADS": f", and {name}::threads the pool of threads" if threads > 1 else "",
        "POOL": f" {name}::threads" if threads > 1 else "",
        "OBJECTS": " ".join(objects),
        "ARCHITECTURES": _ARCHITECTURES.get(architecture, architecture),
        "ARCHITECTURE": architecture,
        "TRIPLE": machine.triple,
        "NAME": name,
    }
    text = "".join(parts)
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text
