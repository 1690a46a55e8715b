from labs.engineering.versions import differences, statement


def test_differences_when_made_alike_then_none(made):
    assert differences(made.results(), made.results()) == {}
    assert statement(made.results(), made.results()) == ""


def test_differences_when_tinygrad_and_host_differ_then_both_and_what_it_means(made):
    other = made.host | {"hostname": "host-b", "tinygrad_version": "0.15.0"}
    text = statement(made.results(), made.results(environment=other))
    assert "tinygrad (0.14.0 / 0.15.0)" in text
    assert "host (host-a / host-b)" in text
    assert "may come from the versions" in text
    assert "two machines" in text


def test_differences_when_only_one_knows_a_fact_then_it_is_no_difference(made):
    other = made.host | {"compiler": "clang 20"}
    assert differences(made.results(), made.results(environment=other)) == {}
