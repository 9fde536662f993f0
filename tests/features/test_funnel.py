from features.funnel import funnel
from tests.features.literal import columns, event, observation

SHOP = ("view", "cart", "purchase")


def test_each_type_against_the_one_before_it() -> None:
    rows = [event("a", 3, "view"), event("a", 2, "view"), event("a", 1, "cart"), event("a", 20, "purchase"), event("b", 1, "purchase")]
    found = columns(funnel, observation(*rows, types=SHOP))
    assert found == {
        "cart_per_view_7d": [0.5, None],
        "cart_per_view_30d": [0.5, None],
        "purchase_per_cart_7d": [0.0, None],
        "purchase_per_cart_30d": [1.0, None],
    }


def test_one_type_has_no_funnel() -> None:
    assert columns(funnel, observation(event("a", 1), types=("view",))) == {}


def test_without_an_event_there_is_no_ratio() -> None:
    found = columns(funnel, observation(event("a", 0), event("a", 0, "purchase"), event("b", 8)))
    assert found == {"purchase_per_view_7d": [None, None], "purchase_per_view_30d": [None, 0.0]}
