# SPDX-License-Identifier: Apache-2.0
"""How numbers are stored."""

class Int32Flags: ...
