# SPDX-License-Identifier: Apache-2.0
"""What the layers of a network should look like on real inputs, told from the network alone."""
