"""Views on the product's tables, with the same answer as the others: the parts of a request, one at a time."""

import hashlib
from pathlib import Path
from typing import Any

from django.db import connection
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse

from tokens.authentication import caller_from_header

PIECE = 256 * 1024
# One joined SELECT as anybody would write it by hand: the least that a session in a database costs.
JOINED = """
    SELECT s.session_data, s.last_activity, s.idle_limit_seconds, s.expire_date, u.id, u.username, u.is_active, u.session_epoch
    FROM accounts_session s LEFT JOIN accounts_user u ON u.id = s.user_id WHERE s.session_key = %s
"""
BY_DIGEST = """
    SELECT t.state, t.expires, u.id, u.username, u.is_active
    FROM tokens_token t JOIN accounts_user u ON u.id = t.user_id WHERE t.digest = %s
"""


def select(request: HttpRequest) -> JsonResponse:
    """Answer from one raw SELECT; the digest of the session's key comes with the request."""
    with connection.cursor() as cursor:
        cursor.execute(JOINED, [request.META["bench.digest"]])
        row: Any = cursor.fetchone()
    return JsonResponse({"username": row[5]})


def by_hand(request: HttpRequest) -> JsonResponse:
    """Answer with the name of the person of the bearer: the least that a token in a database costs, and no rule checked."""
    text = request.META["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    with connection.cursor() as cursor:
        cursor.execute(BY_DIGEST, [hashlib.sha256(text.encode()).hexdigest()])
        row: Any = cursor.fetchone()
    return JsonResponse({"username": row[3]})


def plain(request: HttpRequest, path: str) -> FileResponse | HttpResponse:
    """Give a file, or write one, and do nothing else."""
    if request.method == "GET":
        response = FileResponse(Path(f"/{path}").open("rb"))  # noqa: SIM115  (the response closes it)
        response.block_size = PIECE
        return response
    with Path(f"/{path}").open("wb") as file:
        while piece := request.read(PIECE):
            file.write(piece)
    return HttpResponse()


def token(request: HttpRequest) -> JsonResponse:
    """Answer the same after the check of a token as the product makes it, and with nothing around it."""
    caller = caller_from_header(request.META["HTTP_AUTHORIZATION"], request=request, door="rest")
    return JsonResponse({"username": caller.user.username})
