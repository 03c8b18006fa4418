# SPDX-License-Identifier: Apache-2.0
"""From options and ranges to a plan of all codes, and the plan written into the graph."""
