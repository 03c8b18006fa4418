# SPDX-License-Identifier: Apache-2.0
"""Other people's quantizers: scripts that the Python of each one's environment runs."""
