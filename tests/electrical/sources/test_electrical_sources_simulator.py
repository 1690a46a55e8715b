import socket

import pytest

from labs.electrical.sources import InstrumentSimulator, supply


@pytest.fixture
def talk():
    with InstrumentSimulator(supply(duration_s=0.1, full_scale_v=600.0)) as instrument:
        with socket.create_connection(instrument.address, 2) as client:
            stream = client.makefile("rwb")

            def ask(text):
                stream.write(text.encode() + b"\n")
                stream.flush()
                return stream.readline().decode().strip() if "?" in text else None

            yield ask


def test_instrument_then_short_and_long_forms_in_any_case_are_the_same(talk):
    assert talk("*idn?") == "COURSE,LOOPBACK,0,1"
    talk(":ACQuire:POINts 100")
    talk(":RUN;:DIG")
    assert talk(":WAVEFORM:PREAMBLE?") == talk("wav:pre?")
    assert talk(":WAV:POIN?") == "100"
    assert float(talk(":WAV:XINC?")) == 1 / 10_240
    assert float(talk(":WAV:YINC?")) == pytest.approx(600 / 32_767)
    assert talk(":CHANnel3:LABel?") == '"u3"' and talk(":CHAN1:UNIT?") == '"VOLT"'
    assert talk("*OPC?;:WAV:YREF?") == "1;0"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (":WAVE:PRE", '-113,"Undefined header"'),
        (":WAV:FORM ASCII", '-224,"Illegal parameter value"'),
        (":WAV:BYT x", '-224,"Illegal parameter value"'),
        (":WAV:SOUR CHAN4", '-224,"Illegal parameter value"'),
        (":WAV:SOUR 1", '-224,"Illegal parameter value"'),
        (":ACQ:POIN 0", '-222,"Data out of range"'),
        (":ACQ:POIN 9999999999999999999", '-222,"Data out of range"'),
    ],
)
def test_instrument_when_told_nonsense_then_an_error_once(talk, command, error):
    talk(command)
    assert talk(":SYST:ERR?") == error
    assert talk(":SYST:ERR?") == '0,"No error"'


def test_instrument_when_errors_are_cleared_then_there_is_none(talk):
    talk("nonsense")
    talk("*CLS")
    assert talk(":SYSTEM:ERROR?") == '0,"No error"'
