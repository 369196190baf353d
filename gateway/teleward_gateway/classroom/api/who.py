"""Who asks: a learner's seat cookie, a teacher's key, the operator's (FastAPI dependencies)."""

import secrets
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.responses import Response

from teleward_gateway.api.person import person_of
from teleward_gateway.classroom.classes.running import RunningClass
from teleward_gateway.classroom.classes.service import ClassService
from teleward_gateway.classroom.classes.state import Seat
from teleward_gateway.classroom.texts import refusal
from teleward_signal.errors import Forbidden, NotFound, TelewardError

SEAT_COOKIE, TEACHER_COOKIE = "teleward_seat", "teleward_class"
OPERATOR_COOKIE = "teleward_operator"
KEY_HEADER, OPERATOR_HEADER = "x-class-key", "x-operator-key"
WEEK_S = 7 * 86400
MAY_OPEN = frozenset({"teacher", "operator"})
"""Roles whose login opens classes and rooms without the operator's key."""


def classes_of(connection: HTTPConnection) -> ClassService:
    """Return the classes of this gateway."""
    found = getattr(connection.app.state, "classes", None)
    if not isinstance(found, ClassService):
        raise NotFound("this gateway has no classes: set classroom.enabled on a simulated ward")
    return found


Classes = Annotated[ClassService, Depends(classes_of)]


def seat_of(connection: HTTPConnection, classes: Classes) -> tuple[RunningClass, Seat]:
    """Return class and seat of the cookie; raises Forbidden."""
    return classes.seated(connection.cookies.get(SEAT_COOKIE, ""))


def led_class(connection: HTTPConnection, classes: Classes) -> RunningClass:
    """Return the class of the teacher's key, from the header or the cookie; raises Forbidden."""
    key = connection.headers.get(KEY_HEADER) or connection.cookies.get(TEACHER_COOKIE, "")
    if not key:
        raise refusal(Forbidden, "teacher")
    return classes.led_by(key)


def check_operator(connection: HTTPConnection, key: str) -> None:
    """Raise Forbidden unless ``key`` is the operator's."""
    wanted = getattr(connection.app.state, "operator_key", "")
    if not wanted or not secrets.compare_digest(wanted.encode(), key.encode()):
        raise refusal(Forbidden, "operator")


def operator(connection: HTTPConnection) -> None:
    """Check the login, or the operator's key in header or cookie; raises Forbidden."""
    if person_of(connection).role in MAY_OPEN:
        return
    headers, cookies = connection.headers, connection.cookies
    check_operator(connection, headers.get(OPERATOR_HEADER) or cookies.get(OPERATOR_COOKIE, ""))


def is_operator(connection: HTTPConnection) -> bool:
    """Return whether the browser may open classes and rooms."""
    try:
        operator(connection)
    except Forbidden:
        return False
    return True


def sits(classes: ClassService, connection: HTTPConnection) -> bool:
    """Return whether the browser has a seat in a class that goes on."""
    token = connection.cookies.get(SEAT_COOKIE, "")
    try:
        return bool(token) and bool(classes.seated(token))
    except TelewardError:
        return False


def leads(connection: HTTPConnection, classes: ClassService) -> bool:
    """Return whether the browser leads a class that is open."""
    try:
        led_class(connection, classes)
    except Forbidden:
        return False
    return True


Mine = Annotated[tuple[RunningClass, Seat], Depends(seat_of)]
Led = Annotated[RunningClass, Depends(led_class)]
OPERATOR = [Depends(operator)]


def give_cookie(response: Response, name: str, value: str) -> None:
    """Set a cookie that scripts cannot read and other sites cannot send."""
    response.set_cookie(name, value, WEEK_S, httponly=True, samesite="strict", path="/")
