"""Which answer belongs to which part of the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sayre.errors import InputError
from sayre.viewer import answers
from sayre.viewer.folder import Refused
from sayre.viewer.page import quantity_options
from sayre.viewer.regions.shapes import drawn_after
from sayre.viewer.session import Session
from sayre.viewer.slices.opened import Shown

R = TypeVar("R")
Callback = Callable[..., Callable[[Any], Any]]


def connect(app: Any, session: Session) -> None:
    """Connect a page to what it works on.

    Parameters
    ----------
    app
        The Dash application.
    session
        What the page works on.
    """
    _connect_slices(app, session)
    if isinstance(session.shown, Shown):
        if not session.shown.planar:
            _connect_surface(app, session)
    else:
        _connect_mask(app, session)
        _connect_region(app, session)
        _connect_filling(app, session)


def asked(answer: Callable[[], R]) -> tuple[R | None, str]:
    """Return an answer, or what is wrong with the question; a file that must not be read is status 403."""
    from werkzeug.exceptions import Forbidden

    try:
        return answer(), ""
    except Refused as error:
        raise Forbidden(str(error)) from error
    except InputError as error:
        return None, str(error)


def _connect_slices(app: Any, session: Session) -> None:
    from dash import Input, Output, State, no_update

    callback: Callback = app.callback

    @callback(
        Output("index", "max"),
        Output("index", "value"),
        Output("index", "disabled"),
        Input("axis", "value"),
        prevent_initial_call=True,
    )
    def turn(axis: int) -> Any:
        length = session.shown.size[axis]
        return max(length - 1, 1), session.shown.start[axis], length == 1

    @callback(
        Output("picture", "figure"),
        Output("remark", "children"),
        Output("compared", "children"),
        Input("axis", "value"),
        Input("index", "value"),
        Input("quantity", "value"),
        Input("log", "value"),
        Input("strokes", "data"),
        Input("region", "data"),
        Input("filled", "data"),
        Input("other", "value"),
        State("shapes", "data"),
    )
    def draw(
        axis: int,
        index: int,
        quantity: str,
        log: list[str],
        strokes: Any,
        region: Any,
        _: int,
        other: Any,
        shapes: Any,
    ) -> Any:
        found, wrong = asked(
            lambda: answers.picture(
                session,
                axis=axis,
                index=index,
                quantity=quantity,
                logarithmic=bool(log),
                strokes=strokes,
                region=region,
                shapes=shapes,
                other=other,
            )
        )
        return (no_update, wrong, no_update) if found is None else found

    @callback(
        Output("shapes", "data"),
        Input("picture", "relayoutData"),
        State("shapes", "data"),
        prevent_initial_call=True,
    )
    def sketch(told: Any, shapes: Any) -> Any:
        after = drawn_after(shapes, told)
        return no_update if after == shapes else after


def _connect_mask(app: Any, session: Session) -> None:
    from dash import Input, Output, State, no_update

    callback: Callback = app.callback

    @callback(
        Output("strokes", "data"),
        Output("shapes", "data", allow_duplicate=True),
        Output("masked", "children"),
        Input("mask", "n_clicks"),
        State("strokes", "data"),
        State("shapes", "data"),
        State("axis", "value"),
        State("index", "value"),
        State("scope", "value"),
        prevent_initial_call=True,
    )
    def mask(_: int, strokes: Any, shapes: Any, axis: int, index: int, scope: str) -> Any:
        place = index if scope == "one" else None
        after, wrong = asked(lambda: answers.masked(session, strokes, shapes, axis, place))
        if after is None:
            return no_update, no_update, wrong
        return after, [], answers.said_of(session, after)

    @callback(
        Output("strokes", "data", allow_duplicate=True),
        Output("masked", "children", allow_duplicate=True),
        Input("add", "n_clicks"),
        State("strokes", "data"),
        State("detector", "value"),
        State("corner", "value"),
        prevent_initial_call=True,
    )
    def add(_: int, strokes: Any, name: str | None, corner: str | None) -> Any:
        after, wrong = asked(lambda: answers.with_detector(session, strokes, name, corner))
        return (no_update, wrong) if after is None else (after, answers.said_of(session, after))

    @callback(
        Output("strokes", "data", allow_duplicate=True),
        Output("masked", "children", allow_duplicate=True),
        Input("undo", "n_clicks"),
        State("strokes", "data"),
        prevent_initial_call=True,
    )
    def undo(_: int, strokes: Any) -> Any:
        return strokes[:-1], answers.said_of(session, strokes[:-1])

    @callback(
        Output("strokes", "data", allow_duplicate=True),
        Output("shapes", "data", allow_duplicate=True),
        Output("masked", "children", allow_duplicate=True),
        Input("clear", "n_clicks"),
        prevent_initial_call=True,
    )
    def clear(_: int) -> Any:
        return [], [], answers.said_of(session, [])

    @callback(
        Output("masked", "children", allow_duplicate=True),
        Input("save", "n_clicks"),
        State("name", "value"),
        State("strokes", "data"),
        State("own", "value"),
        State("force", "value"),
        prevent_initial_call=True,
    )
    def save(_: int, name: str, strokes: Any, own: list[str], force: list[str]) -> Any:
        place, wrong = asked(lambda: session.save(name or "", strokes, unite=bool(own), force=bool(force)))
        return wrong if place is None else f"written; --mask {place} adds it"


def _connect_region(app: Any, session: Session) -> None:
    from dash import Input, Output, State, no_update

    callback: Callback = app.callback

    @callback(
        Output("first", "value"), Output("last", "value"), Input("axis", "value"), prevent_initial_call=True
    )
    def ends(axis: int) -> Any:
        return 0, session.shown.size[axis] - 1

    @callback(
        Output("region", "data"),
        Output("shapes", "data", allow_duplicate=True),
        Output("option", "children"),
        Output("chosen", "children"),
        Input("take", "n_clicks"),
        State("shapes", "data"),
        State("axis", "value"),
        State("first", "value"),
        State("last", "value"),
        prevent_initial_call=True,
    )
    def take(_: int, shapes: Any, axis: int, first: Any, last: Any) -> Any:
        region, wrong = asked(lambda: answers.chosen(session, shapes, axis, (first, last)))
        if region is None:
            return no_update, no_update, no_update, wrong
        lengths = " × ".join(str(b - a) for a, b in region)
        return region, [], answers.option(session, region), f"{lengths} voxels"

    @callback(
        Output("region", "data", allow_duplicate=True),
        Output("option", "children", allow_duplicate=True),
        Output("chosen", "children", allow_duplicate=True),
        Input("whole", "n_clicks"),
        prevent_initial_call=True,
    )
    def whole(_: int) -> Any:
        return None, "", "all voxels"


def _connect_filling(app: Any, session: Session) -> None:
    from dash import Input, Output, State, no_update

    callback: Callback = app.callback

    @callback(
        Output("filled", "data"),
        Output("quantity", "options"),
        Output("quantity", "value"),
        Output("filling", "children"),
        Input("fill", "n_clicks"),
        State("region", "data"),
        State("method", "value"),
        State("strokes", "data"),
        running=[(Output("fill", "disabled"), True, False)],
        prevent_initial_call=True,
    )
    def fill(clicks: int, region: Any, method: str, strokes: Any) -> Any:
        said, wrong = asked(lambda: answers.filled(session, region, method, strokes))
        if said is None:
            return no_update, no_update, no_update, wrong
        return clicks, quantity_options(session.quantities), "filled", said


def _connect_surface(app: Any, session: Session) -> None:
    from dash import Input, Output, no_update

    callback: Callback = app.callback

    @callback(Output("surface", "figure"), Output("surfaced", "children"), Input("colour", "value"))
    def turn(quantity: str) -> Any:
        chart, wrong = asked(lambda: answers.surface(session, quantity))
        return (no_update, wrong) if chart is None else (chart, "")
