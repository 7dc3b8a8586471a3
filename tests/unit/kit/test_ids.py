from judgify.kit.ids import is_id, new_id


def test_ids_are_well_formed_and_differ() -> None:
    made = {new_id("exe") for _ in range(1000)}
    assert len(made) == 1000
    assert all(is_id(one, "exe") for one in made)


def test_an_id_of_another_kind_or_form_is_refused() -> None:
    assert not is_id(new_id("exe"), "wfl")
    assert not is_id("exe_../../etc/passwd", "exe")
    assert not is_id("exe_" + "0" * 25, "exe")
