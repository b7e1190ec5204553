"""Records to report on; and a headless Chromium, spoken to in its DevTools protocol over a pipe: no driver, no port."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.apis.predictions import image_record
from spondylo_mm.apis.report import write_report

NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome')
_TIMEOUT = 60.0  # seconds that an answer may take on a busy machine


SIZE = (400, 500)  # of a film, (width, height)
MODEL = dict(config='a.py', checkpoint='b.pth', version='0')


def upright_spine(slip: float) -> np.ndarray:
    """Keypoints (K, 2) of bodies 100 px wide, stacked; L4 and all above have slipped to the left by ``slip`` px."""
    corners = np.zeros((NUM_SLOTS, NUM_CORNERS, 2))
    for slot in range(NUM_SLOTS):
        corners[slot] = np.array([[150, 0], [250, 0], [150, 35], [250, 35.0]]) + [0, 420 - 45 * slot]
    corners[2:, :, 0] -= slip
    return corners.reshape(NUM_KEYPOINTS, 2)


@pytest.fixture(scope='session')
def make_record() -> Callable[..., dict]:
    """``make_record(slip, sd, count)``: a patient facing left, L4 slipped by ``slip`` % over L5."""

    def make(slip: float = 0.0, sd: float = 1.0, count: int = 6, **options) -> dict:
        present = (np.arange(NUM_SLOTS) < count).astype(float)
        settings = dict(side='left', spread=np.full(NUM_KEYPOINTS, sd)) | options
        return image_record(upright_spine(slip), np.full(NUM_KEYPOINTS, 0.75), present, SIZE, **settings)

    return make


@pytest.fixture
def report_of(tmp_path) -> Callable[[dict[str, dict]], Path]:
    """``report_of({name: record})``: path of their report; one film stands for all."""

    def make(records: dict[str, dict]) -> Path:
        width, height = SIZE
        film = np.random.default_rng(0).normal(120, 12, (height, width)).clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(tmp_path / 'film.png'), film)
        write_report(tmp_path / 'report.html', records, dict.fromkeys(records, tmp_path / 'film.png'), MODEL)
        return tmp_path / 'report.html'

    return make


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope='module')
def browser(tmp_path_factory) -> Iterator[Chromium]:
    if not find_chromium():
        pytest.skip(f'none of {", ".join(NAMES)} is installed: the report is not looked at in a browser')
    chromium = Chromium(tmp_path_factory.mktemp('chromium'))
    yield chromium
    chromium.close()


class Chromium:
    """One page in a browser of its own.

    Attributes:
        errors: what the page's scripts threw or logged as errors, and what it was not allowed to load, since ``open``.
    """

    def __init__(self, profile: Path, width: int = 1440, height: int = 900) -> None:
        (to_browser, self._write), (self._read, from_browser) = os.pipe(), os.pipe()

        def as_3_and_4() -> None:  # where --remote-debugging-pipe reads and writes
            ends = os.dup(to_browser), os.dup(from_browser)
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self._process = subprocess.Popen(
            [find_chromium(), '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
             '--no-first-run', '--hide-scrollbars', '--remote-debugging-pipe', f'--user-data-dir={profile}',
             f'--window-size={width},{height}'],
            preexec_fn=as_3_and_4, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self._buffer, self._last_id, self._session = b'', 0, None
        self.errors: list[str] = []
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self._session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log'):
            self.call(f'{domain}.enable')
        self.call('Performance.enable', timeDomain='threadTicks')
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=False)

    def open(self, path: Path) -> None:
        """Load a file, and wait until its scripts have run and it has been laid out."""
        self.errors.clear()
        self.call('Page.navigate', url=path.absolute().as_uri())
        self.evaluate(
            "new Promise(done => { const wait = () => document.readyState === 'complete'"
            ' ? requestAnimationFrame(() => requestAnimationFrame(done)) : setTimeout(wait, 5); wait(); })'
        )

    def work(self) -> float:
        """Seconds of processor time that the page has taken since ``open``, whatever else the machine does."""
        metrics = self.call('Performance.getMetrics')['metrics']
        return {metric['name']: metric['value'] for metric in metrics}['TaskDuration']

    def evaluate(self, expression: str) -> object:
        """The value of a JavaScript expression (or of its promise) in the page."""
        answer = self.call('Runtime.evaluate', expression=expression, awaitPromise=True, returnByValue=True)
        assert 'exceptionDetails' not in answer, answer
        return answer['result'].get('value')

    def press(self, key: str) -> None:
        for kind in ('keyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key=key)

    def call(self, method: str, **parameters: object) -> dict:
        """Send a command and wait for its answer; events on the way are kept if they tell of errors."""
        self._last_id += 1
        message = dict(id=self._last_id, method=method, params=parameters)
        if self._session:
            message['sessionId'] = self._session
        os.write(self._write, json.dumps(message).encode() + b'\0')
        deadline = time.monotonic() + _TIMEOUT
        while time.monotonic() < deadline:
            answer = self._next_message()
            if answer.get('id') == self._last_id:
                assert 'error' not in answer, (method, answer['error'])
                return answer['result']
            self._note(answer)
        raise TimeoutError(method)

    def _note(self, event: dict) -> None:
        parameters = event.get('params', {})
        if event.get('method') == 'Runtime.exceptionThrown':
            details = parameters['exceptionDetails']
            self.errors.append(details.get('exception', {}).get('description') or details['text'])
        elif event.get('method') == 'Log.entryAdded' and parameters['entry']['level'] == 'error':
            self.errors.append(parameters['entry']['text'])
        elif event.get('method') == 'Runtime.consoleAPICalled' and parameters['type'] == 'error':
            self.errors.append(str(parameters['args']))

    def _next_message(self) -> dict:
        while b'\0' not in self._buffer:
            chunk = os.read(self._read, 1 << 20)
            assert chunk, 'the browser is gone'
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b'\0')
        return json.loads(message)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
        os.close(self._write)
        os.close(self._read)
