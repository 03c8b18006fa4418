# SPDX-License-Identifier: Apache-2.0
"""Statistics of layers as samples show them, where no BatchNormalization kept any."""
