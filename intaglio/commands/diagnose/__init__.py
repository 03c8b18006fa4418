# SPDX-License-Identifier: Apache-2.0
"""Which layers lose what: a quantized network against the float one, layer by layer."""

from intaglio.commands.diagnose.diagnosing import Subject as Subject
from intaglio.commands.diagnose.diagnosing import diagnose as diagnose
from intaglio.commands.diagnose.opening import DataSource as DataSource
from intaglio.commands.diagnose.opening import batches as batches
from intaglio.commands.diagnose.opening import quantized_before as quantized_before
from intaglio.commands.diagnose.opening import quantized_here as quantized_here
from intaglio.commands.diagnose.picture import weight_ranges_picture as weight_ranges_picture
from intaglio.commands.diagnose.report import Diagnosis as Diagnosis
from intaglio.commands.diagnose.tables import activations_table as activations_table
from intaglio.commands.diagnose.tables import facts as facts
from intaglio.commands.diagnose.tables import summary as summary
from intaglio.commands.diagnose.tables import weights_table as weights_table
