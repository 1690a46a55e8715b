"""Sources that aren't files: signals in closed form with faults to order, real-time pacing, and
instruments that speak SCPI."""

from labs.electrical.sources.converter import CoherentSine as CoherentSine
from labs.electrical.sources.converter import converter as converter
from labs.electrical.sources.faults import Clipping as Clipping
from labs.electrical.sources.faults import Dip as Dip
from labs.electrical.sources.faults import Distortion as Distortion
from labs.electrical.sources.faults import DropOut as DropOut
from labs.electrical.sources.faults import Fault as Fault
from labs.electrical.sources.faults import FrequencyRamp as FrequencyRamp
from labs.electrical.sources.faults import FrequencyStep as FrequencyStep
from labs.electrical.sources.faults import Interruption as Interruption
from labs.electrical.sources.faults import Level as Level
from labs.electrical.sources.faults import NotANumber as NotANumber
from labs.electrical.sources.faults import PhaseStep as PhaseStep
from labs.electrical.sources.faults import Spike as Spike
from labs.electrical.sources.faults import Swell as Swell
from labs.electrical.sources.live import Bursts as Bursts
from labs.electrical.sources.live import Flood as Flood
from labs.electrical.sources.live import Jitter as Jitter
from labs.electrical.sources.live import LiveFault as LiveFault
from labs.electrical.sources.live import RateChange as RateChange
from labs.electrical.sources.live import Stop as Stop
from labs.electrical.sources.mains import Supply as Supply
from labs.electrical.sources.mains import supply as supply
from labs.electrical.sources.paced import Pace as Pace
from labs.electrical.sources.paced import Paced as Paced
from labs.electrical.sources.steps import StepResponse as StepResponse
from labs.electrical.sources.steps import one_pole as one_pole
from labs.electrical.sources.steps import second_order as second_order
from labs.electrical.sources.stress import Repeated as Repeated
from labs.electrical.sources.stress import stress as stress
from labs.electrical.sources.synthetic import Signal as Signal
from labs.electrical.sources.synthetic import SyntheticSource as SyntheticSource
from labs.electrical.sources.truth import Truth as Truth
