# SPDX-License-Identifier: Apache-2.0
"""The profiles that are shipped, a TOML file each."""
