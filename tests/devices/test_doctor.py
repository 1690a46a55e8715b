"""The doctor's report: what people read, and the shape that machines rely on."""

import json

from labs.devices import doctor
from labs.devices.capabilities import DeviceCapabilities
from labs.devices.discovery import DeviceStatus, Discovery

CARD = DeviceCapabilities(
    device_name="Card 9000",
    max_memory=2**33,
    compute_units=16,
    supports_fp16=True,
    supports_int8=False,
    kernel_languages=("OpenCL C",),
    driver="OpenCL driver 1.0",
)
COMMAND = "sudo apt-get install -y " + "a-package-with-a-long-name " * 4
FOUND = Discovery(
    (
        DeviceStatus("CUDA", False, "no driver", COMMAND, None, 0.0),
        DeviceStatus("CL", True, "", "", CARD, 1.25),
        DeviceStatus("NULL", False, "it " + "explains " * 20, "none on this machine: x", None, 0),
    )
)


def test_the_text_fits_a_terminal_and_names_each_device(real_discovery):
    for found in (FOUND, real_discovery):
        text = doctor.doctor_text(found)
        for status in found:
            assert f" {status.device} " in text
        commands = [line for line in text.splitlines() if line.lstrip().startswith("fix: ")]
        long = [line for line in text.splitlines() if len(line) > doctor.WIDTH]
        # what is to be copied stays in one piece: commands, and paths without a space
        assert all(line in commands or len(line.split()) <= 2 for line in long), long


def test_the_text_says_what_a_person_needs():
    text = doctor.doctor_text(FOUND)
    assert "1 of 3 usable" in text
    assert "Card 9000; 16 compute units; 8 GiB; fp32, fp16; OpenCL C" in text
    assert "not usable: no driver" in text and f"fix: {COMMAND}" in text
    assert text.index("Card 9000") < text.index("CUDA")  # what works comes first
    for label in ("compiler", "tinygrad", "Python", "cache", "OpenCL", "Sensors"):
        assert label in text


def test_the_json_has_the_promised_shape(real_discovery):
    answer = json.loads(json.dumps(doctor.doctor_json(real_discovery)))
    assert list(answer) == ["devices"]
    for device in answer["devices"]:
        assert list(device) == ["device", "usable", "reason", "fix", "capabilities"]
        assert (device["capabilities"] is not None) is device["usable"]
    cpu = next(d for d in answer["devices"] if d["device"] == "CPU")
    assert cpu["capabilities"]["supports_int8"] is True
