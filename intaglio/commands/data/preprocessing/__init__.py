# SPDX-License-Identifier: Apache-2.0
"""The shipped preprocessing files, one for each usual convention."""
