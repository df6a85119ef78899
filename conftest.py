"""Adds to every notebook that nbval runs a last test, ``budget``: its cells' time and its kernel's memory."""

import time

import pytest
from nbval.plugin import IPyNbCell

from tools.notebooks import peak_megabytes

MAX_SECONDS = 60
MAX_MEGABYTES = 1500


class Budget(pytest.Item):
    """Runs after the notebook's last cell, while the kernel is still there to be asked for its memory."""

    def runtest(self):
        notebook = self.path.name
        kernel = self.parent.kernel
        if kernel is None or not kernel.is_alive():
            pytest.fail(f"{notebook}: its kernel is dead, memory cannot be told", pytrace=False)
        seconds = getattr(self.parent, "seconds", 0.0)
        megabytes = peak_megabytes(kernel.km.provisioner.pid)
        self.user_properties.append(("shown", f"{notebook}: {seconds:.1f} s, {megabytes:.0f} MB"))
        if seconds > MAX_SECONDS:
            pytest.fail(f"{notebook}: {seconds:.1f} s, more than the {MAX_SECONDS} s of a chapter", pytrace=False)
        if megabytes > MAX_MEGABYTES:
            pytest.fail(f"{notebook}: {megabytes:.0f} MB, more than the {MAX_MEGABYTES} MB of a chapter", pytrace=False)

    def reportinfo(self):
        return self.path, None, "budget"


def pytest_collection_modifyitems(items):
    last = {item.parent: i for i, item in enumerate(items) if isinstance(item, IPyNbCell)}
    for notebook, i in sorted(last.items(), key=lambda pair: -pair[1]):
        items.insert(i + 1, Budget.from_parent(notebook, name="budget"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    start = time.perf_counter()
    yield
    if isinstance(item, IPyNbCell):
        item.parent.seconds = getattr(item.parent, "seconds", 0.0) + time.perf_counter() - start


def pytest_terminal_summary(terminalreporter):
    """Figures that tests want seen although they pass (record_property("shown", ...)), also from xdist's workers."""
    for report in terminalreporter.getreports("passed"):
        for name, text in report.user_properties if report.when == "call" else ():
            if name == "shown":
                terminalreporter.write_line(text)
