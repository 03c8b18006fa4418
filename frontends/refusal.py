# SPDX-License-Identifier: Apache-2.0
"""Why one node can't be taken; an importer gathers these into one ``UnsupportedModel``."""


class Refusal(Exception):
    """A reason, said in a few words; who raises it needn't know the node."""
