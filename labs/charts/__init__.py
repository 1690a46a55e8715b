"""Plain data in, figure and alternative text out; the only room that imports matplotlib.

Every function returns a Chart, which a notebook shows as an image with alternative text. Nothing
is measured here: a chart draws what `labs.bench` and `labs.lowering` return, and its title says
what the data say.
"""

from labs.charts.access import bandwidth_size_chart, patterns_chart
from labs.charts.advice import advice_chart
from labs.charts.benchmark import benchmark_chart
from labs.charts.chart import Chart, show
from labs.charts.comparison import comparison_chart
from labs.charts.compute import compute_chart
from labs.charts.conformance import conformance_chart
from labs.charts.edge_memory import edge_memory_chart
from labs.charts.edge_runs import edge_runs_chart
from labs.charts.electrical_adc import adc_linearity_chart, adc_spectrum_chart
from labs.charts.electrical_budget import (
    EdgeShare,
    LoadShare,
    edge_budget_chart,
    load_budget_chart,
)
from labs.charts.electrical_harmonics import harmonics_chart
from labs.charts.electrical_latency import latency_chart
from labs.charts.electrical_live import stream_gauges
from labs.charts.electrical_margins import Margin, margins_chart
from labs.charts.electrical_mask import mask_chart
from labs.charts.electrical_phasors import phasor_chart
from labs.charts.electrical_pulse import pulse_chart
from labs.charts.electrical_rms import rms_chart
from labs.charts.electrical_stream import stream_chart
from labs.charts.electrical_style import Span
from labs.charts.electrical_waveform import waveform_chart
from labs.charts.graph import uop_graph_chart
from labs.charts.ladder import ladder_chart
from labs.charts.lanes import lanes_chart
from labs.charts.launch import launch_chart, payoff_chart
from labs.charts.managed import managed_run_chart
from labs.charts.memory import TransferPoint, memory_chart, transfer_chart
from labs.charts.mismatch import mismatch_chart
from labs.charts.monitor import monitor_chart, monitor_strip
from labs.charts.occupancy import occupancy_chart
from labs.charts.optimizer import optimizer_chart
from labs.charts.profiles import profile_chart
from labs.charts.recorded import recorded_ladder_chart, recorded_section_chart
from labs.charts.roofline import roofline_chart
from labs.charts.samples import samples_chart
from labs.charts.style import DeviceStyle, device_style
from labs.charts.timeline import timeline_chart
from labs.charts.values import NamedValue, first_call_chart, named_values_chart, predicted_chart
from labs.charts.variants import variants_chart
from labs.charts.vector import vector_html

__all__ = [
    "Chart",
    "DeviceStyle",
    "EdgeShare",
    "LoadShare",
    "Margin",
    "NamedValue",
    "Span",
    "TransferPoint",
    "adc_linearity_chart",
    "adc_spectrum_chart",
    "advice_chart",
    "bandwidth_size_chart",
    "benchmark_chart",
    "comparison_chart",
    "compute_chart",
    "conformance_chart",
    "device_style",
    "edge_budget_chart",
    "edge_memory_chart",
    "edge_runs_chart",
    "first_call_chart",
    "harmonics_chart",
    "ladder_chart",
    "lanes_chart",
    "latency_chart",
    "launch_chart",
    "load_budget_chart",
    "managed_run_chart",
    "margins_chart",
    "mask_chart",
    "memory_chart",
    "mismatch_chart",
    "monitor_chart",
    "monitor_strip",
    "named_values_chart",
    "occupancy_chart",
    "optimizer_chart",
    "patterns_chart",
    "payoff_chart",
    "phasor_chart",
    "predicted_chart",
    "profile_chart",
    "pulse_chart",
    "recorded_ladder_chart",
    "recorded_section_chart",
    "rms_chart",
    "roofline_chart",
    "samples_chart",
    "show",
    "stream_chart",
    "stream_gauges",
    "timeline_chart",
    "transfer_chart",
    "uop_graph_chart",
    "variants_chart",
    "vector_html",
    "waveform_chart",
]
