"""Sources that aren't files: signals in closed form with faults to order, and real-time pacing."""

from labs.electrical.sources.faults import Clipping as Clipping
from labs.electrical.sources.faults import Distortion as Distortion
from labs.electrical.sources.faults import DropOut as DropOut
from labs.electrical.sources.faults import Fault as Fault
from labs.electrical.sources.faults import Level as Level
from labs.electrical.sources.faults import NotANumber as NotANumber
from labs.electrical.sources.faults import Spike as Spike
from labs.electrical.sources.paced import Paced as Paced
from labs.electrical.sources.synthetic import Supply as Supply
from labs.electrical.sources.synthetic import SyntheticSource as SyntheticSource
from labs.electrical.sources.synthetic import converter as converter
from labs.electrical.sources.synthetic import one_pole as one_pole
from labs.electrical.sources.synthetic import second_order as second_order
from labs.electrical.sources.synthetic import stress as stress
from labs.electrical.sources.synthetic import supply as supply
