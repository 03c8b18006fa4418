# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of the fixed level as TIR expressions, for scalars and vectors alike."""
