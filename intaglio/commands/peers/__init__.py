# SPDX-License-Identifier: Apache-2.0
"""Foreign runtimes, each in an environment and a process of its own; plain arrays go to and fro."""
