"""The page as a reader has it: in a browser, with a mouse, with a keyboard, on paper."""

import math
import os
import shutil
import time
from dataclasses import replace

import pytest
from observed import changed

import gradcheck
from gradcheck.output import FORMATS, Options
from gradcheck.output.html import NotebookReport
from gradcheck.report import Finding

pytestmark = pytest.mark.browser

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1400,1000",
)  # fmt: skip
#: Set where a browser must be there, so that tests which did not run are not taken for tests that passed.
REQUIRED = "GRADCHECK_BROWSER"


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """A driver of Debian's chromium, without a window; a skip where there is none."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        binary = None
    if binary is None or driver is None:
        assert REQUIRED not in os.environ, "chromium, chromium-driver or selenium is missing"
        pytest.skip("needs chromium, chromium-driver and selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver))
    browser.set_script_timeout(60)
    yield browser
    browser.quit()


@pytest.fixture
def opened(chromium, tmp_path):
    """Opens the page of a report from a file, so wide and light or dark; at the end the browser's log must be empty."""

    def open_page(report, width=1000, dark=False):
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        preference = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [preference]})
        file = tmp_path / "page.html"
        file.write_text(FORMATS["html"](report, Options()), encoding="ascii")
        chromium.get(file.as_uri())
        return chromium

    chromium.get_log("browser")
    yield open_page
    assert chromium.get_log("browser") == []


@pytest.fixture(scope="module")
def wrong():
    """Six problems; the worst has 8 rows and 5 classes, all of them wrong."""
    report = gradcheck.check(changed("softmax", lambda dS, S, y: dS * len(S)), worst=100)
    return replace(report, losses=(replace(report.losses[0], rerun="gradcheck run mine.py:loss"),))


def one(browser, selector):
    return browser.find_element("css selector", selector)


def every(browser, selector):
    return list(browser.find_elements("css selector", selector))


def cell(browser, row, class_):
    return one(browser, f".grid tbody tr:nth-child({row + 1}) td:nth-of-type({class_ + 1})")


def place(browser):
    """Which entry the panel shows."""
    return str(one(browser, ".panel h4").text).splitlines()[0].split(" ✗")[0].split(" ≈")[0].removesuffix(" ok")


def numbers(browser):
    return {each.find_element("tag name", "dt").text: each.find_element("tag name", "dd").text
            for each in every(browser, ".panel dl div")}  # fmt: skip


def test_a_click_on_a_cell_shows_its_numbers(opened, wrong):
    browser = opened(wrong)
    entry = next(each for each in wrong.losses[0].batches[-1].worst if (each.row, each.class_) == (4, 1))
    cell(browser, 4, 1).click()
    assert place(browser) == "row 4, class 1"
    shown = numbers(browser)
    assert math.isclose(float(shown["dS"]), entry.analytic, rel_tol=1e-4)
    assert math.isclose(float(shown["numerical"]), entry.numerical, rel_tol=1e-4)
    assert math.isclose(float(shown["bound"]), entry.bound, rel_tol=0.06)
    assert math.isclose(float(shown["score"]), entry.score, rel_tol=1e-3)
    assert shown["relative error"] in cell(browser, 4, 1).text
    assert "✗" in cell(browser, 4, 1).text
    assert "✗" in one(browser, ".panel h4").text
    (in_tab_order,) = every(browser, ".grid td[tabindex='0']")
    assert in_tab_order == cell(browser, 4, 1)
    assert in_tab_order.get_attribute("aria-selected") == "true"


def test_entries_of_named_inputs_are_named_and_rows_stand_for_all_axes_but_the_last(opened, wrong_layer):
    browser = opened(wrong_layer)
    headings = [each.text for each in every(browser, ".problem summary strong")]
    assert headings == ["dx", "dw", "db"] * 3
    assert "dx, 8 x 2 x 3, batch size 8, seed 0" in one(browser, ".problem[open] summary").text
    assert [each.text for each in every(browser, ".grid tbody th")][:4] == ["0, 0", "0, 1", "1, 0", "1, 1"]
    cell(browser, 5, 2).click()
    assert place(browser) == "x[2, 1, 2]"
    assert {"at", "gradient", "numerical"} <= set(numbers(browser))
    entry = next(each for each in wrong_layer.losses[0].batches[-3].worst if each.index == (2, 1, 2))
    assert math.isclose(float(numbers(browser)["gradient"]), entry.analytic, rel_tol=1e-4)
    every(browser, ".worst button")[0].click()
    assert place(browser).startswith("x[")
    every(browser, ".problem summary")[-1].click()
    assert "db, 4, batch size 8" in every(browser, ".problem[open] summary")[-1].text
    assert [each.text for each in every(browser, ".problem:last-child .grid tbody th")] == [""]
    assert "input" in one(browser, ".scroll thead").text
    assert "classes" not in one(browser, "main").text


def test_arrow_keys_move_from_cell_to_cell_and_stop_at_the_edge(opened, wrong):
    from selenium.webdriver.common.keys import Keys

    browser = opened(wrong)
    cell(browser, 0, 0).click()
    for key, row, class_ in (
        (Keys.ARROW_RIGHT, 0, 1), (Keys.ARROW_DOWN, 1, 1), (Keys.END, 1, 4), (Keys.ARROW_RIGHT, 1, 4),
        (Keys.HOME, 1, 0), (Keys.ARROW_LEFT, 1, 0), (Keys.ARROW_UP, 0, 0), (Keys.ARROW_UP, 0, 0),
        (Keys.PAGE_DOWN, 7, 0),
    ):  # fmt: skip
        browser.switch_to.active_element.send_keys(key)
        assert place(browser) == f"row {row}, class {class_}"
        assert browser.switch_to.active_element == cell(browser, row, class_)


def test_a_kink_is_told_by_a_sign_and_has_no_colour_of_an_error(opened):
    browser = opened(gradcheck.check("svm", gradcheck.Config(batch_sizes=[8], scores="integers(-2, 2)")))
    kinks = every(browser, ".grid td.subgradient")
    assert kinks
    assert all("≈" in each.text and "plain" in each.get_attribute("class") for each in kinks)
    kinks[0].click()
    assert "At a kink" in one(browser, ".panel").text


def test_an_entry_in_doubt_shows_its_error_against_the_step(opened, wrong):
    browser = opened(wrong)
    entry = next(each for each in wrong.losses[0].batches[-1].worst if each.tried)
    cell(browser, entry.row, entry.class_).click()
    points = every(browser, ".plot circle")
    assert len(points) in (len(entry.tried), len(entry.tried) + 1)
    assert len(every(browser, ".plot circle.taken")) == 1
    along = [float(point.get_attribute("cx")) for point in points]
    assert along == sorted(along)
    # SVG counts from above: the V's ends stand higher than its foot.
    heights = [float(point.get_attribute("cy")) for point in points]
    assert max(heights) > max(heights[0], heights[-1])
    assert every(browser, ".plot line.bound")
    assert "dS is off by" in one(browser, ".plot").get_attribute("textContent")


def test_all_of_a_finding_can_be_read_and_its_explanation_opened(opened, wrong):
    browser = opened(wrong)
    finding = wrong.losses[0].findings[0]
    assert finding.message in one(browser, ".finding .message").text
    assert finding.hint in one(browser, ".finding .hint").text
    one(browser, ".explanation summary").click()
    assert "What it means: dS is N times" in one(browser, ".explanation").text
    right = gradcheck.check("softmax", gradcheck.Config(batch_sizes=[1])).losses
    assert "1 of 2 losses, 1 right" in one(opened(replace(wrong, losses=(*wrong.losses, *right))), "h1").text
    assert [each.text for each in every(browser, "nav .word")] == ["wrong", "right"]


def test_the_command_is_copied(opened, wrong):
    browser = opened(wrong)
    permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    browser.execute_cdp_cmd("Browser.grantPermissions", {"permissions": permissions})
    button = one(browser, "button[aria-label='copy: Check the worst problem again']")
    assert button.is_displayed()
    button.click()
    read = "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)))"
    assert browser.execute_async_script(read) == wrong.losses[0].rerun
    assert button.text == "Copied"


@pytest.mark.parametrize("width", [400, 1000, 1400])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_fits_its_window_light_and_dark(opened, wrong, wrong_layer, problem, loss, report, width, dark):
    long = replace(wrong.losses[0], target="x" * 3000, findings=(Finding("raises", "error", "y" * 3000),))
    for each in (replace(wrong, losses=(long,)), report(loss(problem(10, 1000, wrong=[(9, 999)]))), wrong_layer, wrong):
        browser = opened(each, width, dark)
        root = "document.documentElement"
        assert browser.execute_script(f"return {root}.scrollWidth - {root}.clientWidth") == 0
        assert browser.execute_script("return innerWidth") == width
    cut = "return [...document.querySelectorAll('.scroll, .frame, pre')]"
    cut += ".filter((e) => e.scrollWidth > e.clientWidth).map((e) => [e.className, e.scrollWidth])"
    assert browser.execute_script(cut) == []
    ground = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    assert (sum(browser.execute_script(ground)) < 3 * 128) is dark


def test_the_frame_of_a_notebook_is_as_high_as_the_page(chromium, wrong, tmp_path):
    file = tmp_path / "notebook.html"
    file.write_text(
        f'<body style="width: 760px">{NotebookReport(**vars(wrong))._repr_html_()}</body>', encoding="utf-8"
    )
    chromium.get(file.as_uri())
    inside = "return frames[0].document.documentElement.offsetHeight"
    for _ in range(50):
        frame = chromium.execute_script("return document.querySelector('iframe').clientHeight")
        if 1000 < chromium.execute_script(inside) <= frame:
            break
        time.sleep(0.1)
    else:
        raise AssertionError(frame)


def test_hostile_text_runs_nothing(opened, wrong):
    attack = "</script></title></pre><script>window.done=1</script><img src=x onerror=window.done=1>\x1b[31m"
    finding = Finding("missing-mean", "error", attack, attack, attack)
    loss = replace(wrong.losses[0], target=attack, file=attack, findings=(finding,), rerun=attack)
    browser = opened(replace(wrong, losses=(loss,)))
    assert browser.execute_script("return window.done ?? null") is None
    assert not every(browser, "img")
    assert attack.removesuffix("\x1b[31m") in one(browser, "h2").text
