# SPDX-License-Identifier: Apache-2.0
"""Sums of 8-bit products by AVX-512 VNNI: four products a lane, sixteen lanes an instruction."""
