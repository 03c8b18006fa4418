# SPDX-License-Identifier: Apache-2.0
"""A model in its home runtime and here, tensor by tensor."""

from intaglio.commands.compare.report import Divergence as Divergence
from intaglio.commands.compare.report import PeerComparison as PeerComparison
from intaglio.commands.compare.samples import dataset_samples as dataset_samples
from intaglio.commands.compare.samples import random_samples as random_samples
from intaglio.commands.compare.samples import specs as specs
from intaglio.commands.compare.subject import Subject as Subject
from intaglio.commands.compare.subjects import open_subject as open_subject
from intaglio.commands.compare.walk import compare_with_peer as compare_with_peer
