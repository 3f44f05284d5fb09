"""One process that asks who it is, fifty times a second, and prints how long that took: `python -m bench.work_probe PORT TOKEN SECONDS`."""

import json
import sys
import time
from http.client import HTTPConnection

PAUSE_SECONDS = 0.02


def main(port: int, token: str, seconds: float) -> None:
    """Print the milliseconds of each request, sorted, as JSON."""
    connection, taken, end = HTTPConnection("127.0.0.1", port, timeout=30), [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        connection.request("GET", "/api/v1/me/", headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        response.read()
        assert response.status == 200, response.status  # noqa: PLR2004  (a success)
        taken.append((time.perf_counter() - began) * 1000)
        time.sleep(PAUSE_SECONDS)
    sys.stdout.write(json.dumps(sorted(taken)))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
