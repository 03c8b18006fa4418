# SPDX-License-Identifier: Apache-2.0
"""The form that every float model is brought into before anything else looks at it."""
