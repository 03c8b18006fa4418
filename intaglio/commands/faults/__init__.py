# SPDX-License-Identifier: Apache-2.0
"""Fault campaigns: which faults, what became of them, which bits are critical."""

from intaglio.commands.faults.campaign import Campaign, CampaignOptions, run_campaign
from intaglio.commands.faults.lists import read_list, write_lists

__all__ = ["Campaign", "CampaignOptions", "read_list", "run_campaign", "write_lists"]
