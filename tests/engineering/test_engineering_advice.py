from dataclasses import replace

from labs.engineering.advice import advise


def areas(results, device="CPU"):
    return {a.action.split(":")[0]: a for a in advise(results, device)}


def test_advise_then_each_has_evidence_with_numbers(made):
    found = advise(made.results(), "CPU")
    assert found
    for advice in found:
        assert any(c.isdigit() for c in advice.evidence)


def test_advise_when_another_device_is_faster_then_which_and_by_how_much(made):
    advice = areas(made.results())["Choose the device by the workload"]
    assert "CL at 2" in advice.evidence
    assert "2x" in advice.expected


def test_advise_when_it_is_the_fastest_then_no_other_is_named(made):
    assert "Choose the device by the workload" not in areas(made.results(), "CL")


def test_advise_when_eager_costs_no_more_then_no_jit(made):
    rows = made.results().measurements
    quick = made.measurement(f"create/n=16/{made.wall}/eager", "CPU", 110e-6)
    rows = tuple(quick if (m.name, m.device) == (quick.name, "CPU") else m for m in rows)
    before, after = areas(made.results()), areas(made.results(measurements=rows))
    assert any("TinyJit" in name for name in before)
    assert not any("TinyJit" in name for name in after)


def test_advise_when_copies_cost_more_than_computing_then_keep_data_there(made):
    advice = areas(made.results())["Keep data on the device between operations, and copy back only "
                                   "what is looked at"]  # fmt: skip
    assert "2.86 ms" in advice.evidence  # three matrices of 4 MB at 4.19 GB/s


def test_advise_when_samples_were_retaken_then_cool_it(made):
    m = made.measurement(f"add/n=16/{made.wall}", "CUDA", 1e-5)
    hot = replace(m, rounds=tuple(replace(r, retaken=1) for r in m.rounds))
    found = advise(made.results(measurements=(hot,)), "CUDA")
    assert [a.area for a in found if "Cool" in a.action] == ["measurement"]


def test_advise_for_a_modelled_device_then_no_measured_neighbour_is_held_against_it(made):
    assert advise(made.results(), "EDGE") == ()
