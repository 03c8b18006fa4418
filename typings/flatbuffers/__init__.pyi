# SPDX-License-Identifier: Apache-2.0
"""What files are written with, in tests."""

class Builder:
    def __init__(self, initialSize: int = 1024) -> None: ...
