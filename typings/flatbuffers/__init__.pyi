# SPDX-License-Identifier: Apache-2.0
"""What tests write files with."""

class Builder:
    def __init__(self, initialSize: int = 1024) -> None: ...
