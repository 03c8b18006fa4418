# SPDX-License-Identifier: Apache-2.0
"""What a verb of the command line does, one package or module each."""
