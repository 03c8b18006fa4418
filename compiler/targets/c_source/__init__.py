# SPDX-License-Identifier: Apache-2.0
"""A network as C99 source, for toolchains that want to compile it themselves."""
