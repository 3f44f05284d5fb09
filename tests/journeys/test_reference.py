"""The page of the API works in a browser under the strict policy: Swagger UI, our own schema, a real call, and no other host (WEB-01)."""

import pytest

from tests.journeys.browser import NARROW, WIDE, Windows
from tests.journeys.house import House
from tests.journeys.test_every_page import WIDER_THAN_THE_WINDOW

pytestmark = [pytest.mark.browser, pytest.mark.once]


@pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("dark", NARROW)], ids=["light and wide", "dark and narrow"])
def test_the_page_shows_every_operation_and_makes_a_call_with_a_token(
    server: House, windows: Windows, scheme: str, size: dict[str, int]
) -> None:
    maker, reader = windows(), windows(color_scheme=scheme, viewport=size, reduced_motion="reduce")
    name = server.person()
    maker.sign_in(name)
    token = maker.make_token("try the API")
    asked: list[str] = []
    reader.page.on("request", lambda request: asked.append(request.url))

    page = reader.open("/api/v1/docs/")
    page.locator(".opblock-summary-path", has_text="/api/v1/tokens/").first.wait_for()
    assert "dark-mode" in (page.locator("html").get_attribute("class") or "") or scheme == "light"
    assert not page.evaluate(WIDER_THAN_THE_WINDOW)
    page.get_by_role("button", name="Authorize").click()
    credentials = page.locator(".modal-ux")
    credentials.get_by_label("auth-bearer-value").first.fill(token)  # the second one is for the token of a job
    credentials.get_by_role("button", name="Apply credentials").first.click()
    credentials.locator(".btn-done").first.click()
    me = page.locator("#operations-tokens-me_retrieve")
    me.locator(".opblock-summary-control").click()
    me.get_by_role("button", name="Try it out").click()
    me.get_by_role("button", name="Execute").click()
    me.locator(".live-responses-table .response", has_text=f"user-{name}").wait_for()

    assert not [url for url in asked if not url.startswith((server.url, "data:"))]
    assert not reader.context.cookies()


def test_a_try_is_never_made_in_the_name_of_whoever_is_signed_in(server: House, windows: Windows) -> None:
    window = windows()
    window.refusals = {401}
    window.sign_in(server.person())
    me = window.open("/api/v1/docs/").locator("#operations-tokens-me_retrieve")
    me.locator(".opblock-summary-control").click()
    me.get_by_role("button", name="Try it out").click()
    me.get_by_role("button", name="Execute").click()
    me.locator(".live-responses-table .response", has_text="not_authenticated").wait_for()
