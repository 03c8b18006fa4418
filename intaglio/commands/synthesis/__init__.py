# SPDX-License-Identifier: Apache-2.0
"""Synthetic data as files: arrays to calibrate with, and a picture to look at."""
