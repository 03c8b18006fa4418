# SPDX-License-Identifier: Apache-2.0
"""What a processor computes under an emulator, held against the simulator."""

from intaglio.commands.verify.feeds import Feeds as Feeds
from intaglio.commands.verify.feeds import dataset_feeds as dataset_feeds
from intaglio.commands.verify.feeds import random_feeds as random_feeds
from intaglio.commands.verify.targets import parse_targets as parse_targets
from intaglio.commands.verify.verification import Options as Options
from intaglio.commands.verify.verification import Verification as Verification
from intaglio.commands.verify.verification import verify as verify
