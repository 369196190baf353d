"""Forms open with what holds now, and a change of somebody else is a conflict that is shown."""

import asyncio
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from teleward_gateway.testing.feed_server import FeedServer

OpenPage = Callable[..., Page]


def limit(page: Page, name: str) -> Any:
    return page.locator(f'#limits-dialog input[name="{name}"]')


def change(ward: FeedServer, metric: str, **limits: float) -> None:
    changes = {"metrics": {metric: limits}}
    ward.call(lambda: asyncio.ensure_future(ward.feed.change_limits("sim-02", changes, "other")))


def open_limits(page: Page) -> None:
    page.get_by_role("button", name="Limits").click()
    expect(page.locator("#limits-dialog")).to_be_visible()


def save(page: Page, dialog: str) -> None:
    page.locator(f'#{dialog} input[name="author"]').fill("nurse")
    page.locator(f"#{dialog} button.primary").click()


def test_a_limit_that_was_abandoned_is_not_sent(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/bed/sim-02")
    open_limits(page)
    limit(page, "spo2.low").fill("80")
    page.locator("#limits-dialog header button").click()
    open_limits(page)
    expect(limit(page, "spo2.low")).to_have_value("90")
    limit(page, "heart_rate.high").fill("125")
    with page.expect_request("**/limits") as sent:
        save(page, "limits-dialog")
    body: Any = sent.value.post_data_json
    assert body["limits"] == {"heart_rate": {"high": 125}}
    expect(page.locator("#limits-dialog")).to_be_hidden()
    page.wait_for_function(
        "() => teleward.shell.ward.subjects.get('sim-02').limits.heart_rate.high === 125"
    )
    open_limits(page)
    expect(limit(page, "heart_rate.high")).to_have_value("125")


def test_a_change_under_an_open_form_is_a_conflict(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/bed/sim-02")
    open_limits(page)
    before = limit(page, "spo2.low").input_value()
    change(ward, "spo2", low=float(before) - 2)
    page.wait_for_function(
        f"() => teleward.shell.ward.subjects.get('sim-02').limits.spo2.low === {float(before) - 2}"
    )
    limit(page, "spo2.low").fill(str(float(before) - 1))
    save(page, "limits-dialog")
    expect(page.locator("#limits-dialog .error")).to_contain_text("changed")


def test_yesterdays_fever_does_not_stand_in_the_form(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/bed/sim-02")
    page.get_by_role("button", name="NEWS2").first.click()
    dialog = page.locator("#news2-dialog")
    expect(dialog).to_be_visible()
    field = dialog.locator('input[name="body_temperature"]')
    field.fill("38.9")
    save(page, "news2-dialog")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="NEWS2").first.click()
    expect(field).to_have_value("")
