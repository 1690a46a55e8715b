from labs.engineering.best import best_performers, best_table, wins_table


def named(bests):
    return {b.name.split("/float32")[0]: b for b in bests}


def test_best_when_the_rest_is_slower_beyond_its_interval_then_named(made):
    best = named(best_performers([made.results()]))["matmul/n=512"]
    assert best.device == "CL"
    assert best.contenders == ("CL",)
    assert best.speedup == 2.0
    assert best.measured == 2


def test_best_when_nothing_tells_them_apart_then_not_resolved_and_who_it_may_be(made):
    best = named(best_performers([made.results()]))["add/n=16"]
    assert best.device == ""
    assert set(best.contenders) == {"CPU", "CL"}
    assert "not\u00a0resolved" in str(best_table([best]))


def test_best_when_a_third_is_not_resolved_then_nobody_is_named(made):
    name = f"matmul/n=512/{made.wall}"
    rows = (
        made.measurement(name, "CPU", 10e-3),
        made.measurement(name, "CL", 5e-3),
        made.measurement(name, "WEBGPU", 9e-3, spread=0.9),
    )
    (best,) = best_performers([made.results(measurements=rows)])
    assert best.device == ""
    assert best.contenders == ("CL", "WEBGPU")


def test_best_then_models_and_device_clocks_take_no_part(made):
    names = {b.name for b in best_performers([made.results()])}
    assert all("/wall" in name for name in names)


def test_best_when_one_device_was_measured_then_there_is_none(made):
    rows = (made.measurement(f"add/n=16/{made.wall}", "CPU", 1e-4),)
    assert best_performers([made.results(measurements=rows)]) == ()


def test_best_of_two_hosts_then_the_host_is_in_the_name(made):
    name = f"matmul/n=512/{made.wall}"
    a = made.results(measurements=(made.measurement(name, "CPU", 4e-3),))
    b = made.results(
        measurements=(made.measurement(name, "CPU", 1e-3),),
        environment={"hostname": "host-b"},
    )
    (best,) = best_performers([a, b])
    assert best.device == "CPU on host-b"


def test_wins_then_by_section_with_the_unresolved_ones_last(made):
    rows = {row[0]: row[2] for row in wins_table(best_performers([made.results()])).rows}
    assert rows["matmul"] == "CL: 2"
    assert rows["elementwise"] == "not resolved: 3"
