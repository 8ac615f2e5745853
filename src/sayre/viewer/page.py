"""What the page looks like; the names of its parts are those that `callbacks` answer for."""

from __future__ import annotations

from typing import Any

from sayre.detectors import DETECTORS
from sayre.extras import optional
from sayre.filling.settings import METHODS
from sayre.viewer.slices.opened import LargeCounts, Opened, Shown
from sayre.viewer.slices.plane import QUANTITIES

TOOLS = {
    "displaylogo": False,
    "scrollZoom": True,
    "modeBarButtonsToAdd": ["drawrect", "drawclosedpath", "eraseshape"],
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    "responsive": True,
}


def page(shown: Opened, files: list[str]) -> Any:
    """Return the layout of the page.

    Parameters
    ----------
    shown
        The file.
    files
        Names of those that it may be compared with.
    """
    dash = optional("dash", extra="view", task="view")
    html, dcc = dash.html, dash.dcc
    size = " × ".join(map(str, shown.size[1:] if shown.planar else shown.size))
    large = isinstance(shown, LargeCounts)
    kind = "object" if isinstance(shown, Shown) else "counts"
    stores: dict[str, Any] = {"shapes": [], "strokes": [], "region": None, "filled": 0}
    if isinstance(shown, Shown):
        tools = [] if shown.planar else [_surface(dash, shown)]
    else:
        tools = [_mask(dash), _region(dash, shown), _fill(dash)]
    return html.Div(
        [
            *(dcc.Store(id=name, data=data) for name, data in stores.items()),
            html.Header(
                [
                    html.H1(shown.name),
                    html.Span(f"{kind}, {size} voxels" + (", read slice by slice" if large else "")),
                ]
            ),
            html.Main(
                [
                    html.Div(
                        [
                            _slices(dash, shown),
                            dcc.Graph(id="picture", config=TOOLS, style={"height": "calc(100vh - 172px)"}),
                        ]
                    ),
                    html.Div([*tools, _compare(dash, files)]),
                ],
                className=kind,
            ),
        ]
    )


def quantity_options(names: tuple[str, ...]) -> list[dict[str, str]]:
    """Return the entries of the choice of what is shown."""
    return [{"label": QUANTITIES[name].label, "value": name} for name in names]


def _slices(dash: Any, shown: Opened) -> Any:
    html, dcc = dash.html, dash.dcc
    kind = "hidden" if isinstance(shown, Shown) else ""
    axes = [0] if shown.planar else [0, 1, 2]
    choices = [{"label": shown.axes[axis], "value": axis} for axis in axes]
    return html.Div(
        [
            html.Div(
                [
                    html.Label("slices across"),
                    dcc.RadioItems(choices, 0, id="axis", inline=True),
                    html.Div(
                        dcc.Dropdown(
                            quantity_options(shown.quantities),
                            shown.quantities[0],
                            id="quantity",
                            clearable=False,
                            searchable=False,
                        ),
                        className="grow",
                    ),
                    dcc.Checklist(
                        [{"label": "logarithm", "value": "log"}],
                        ["log"],
                        id="log",
                        inline=True,
                        className=kind,
                    ),
                ],
                className="row",
            ),
            dcc.Slider(
                0,
                max(shown.size[0] - 1, 1),
                1,
                value=shown.start[0],
                marks=None,
                id="index",
                updatemode="drag",
                disabled=shown.size[0] == 1,
            ),
            html.Div(id="remark", className="message remark"),
        ]
    )


def _mask(dash: Any) -> Any:
    html, dcc = dash.html, dash.dcc
    scopes = [{"label": "this slice", "value": "one"}, {"label": "every slice", "value": "all"}]
    with_own = [{"label": "with the mask of the file", "value": "own"}]
    return html.Section(
        [
            html.H2("Mask"),
            html.Div("Draw with the rectangle or the lasso above the slice."),
            dcc.RadioItems(scopes, "all", id="scope", inline=True),
            html.Div(
                [
                    html.Button("Mask what is drawn", id="mask"),
                    html.Button("Undo", id="undo"),
                    html.Button("Clear", id="clear"),
                ],
                className="row",
            ),
            html.Div(
                [
                    html.Div(
                        dcc.Dropdown(list(DETECTORS), id="detector", placeholder="detector"), className="grow"
                    ),
                    dcc.Input(id="corner", type="text", placeholder="row,column", className="short"),
                    html.Button("Add", id="add"),
                ],
                className="row",
            ),
            html.Div(
                [
                    dcc.Input(id="name", type="text", value="mask.npy", className="grow"),
                    html.Button("Save", id="save"),
                ],
                className="row",
            ),
            dcc.Checklist(with_own, ["own"], id="own", inline=True),
            dcc.Checklist([{"label": "overwrite", "value": "force"}], [], id="force", inline=True),
            html.Div(id="masked", className="message"),
        ]
    )


def _region(dash: Any, shown: Opened) -> Any:
    html, dcc = dash.html, dash.dcc
    ends = [
        dcc.Input(id=name, type="number", value=value, min=0, step=1, className="short")
        for name, value in (("first", 0), ("last", shown.size[0] - 1))
    ]
    return html.Section(
        [
            html.H2("Region"),
            html.Div([html.Label("slices"), ends[0], html.Span("to"), ends[1]], className="row"),
            html.Div(
                [
                    html.Button("Take what is drawn", id="take"),
                    html.Button("All", id="whole"),
                ],
                className="row",
            ),
            html.Div(
                [html.Code(id="option", className="option"), dcc.Clipboard(target_id="option", title="copy")],
                className="row",
            ),
            html.Div(id="chosen", className="message"),
        ]
    )


def _fill(dash: Any) -> Any:
    html, dcc = dash.html, dash.dcc
    return html.Section(
        [
            html.H2("Fill the region"),
            html.Div(
                [
                    html.Div(
                        dcc.Dropdown(list(METHODS), "auto", id="method", clearable=False, searchable=False),
                        className="grow",
                    ),
                    html.Button("Fill", id="fill"),
                ],
                className="row",
            ),
            html.Div(id="filling", className="message"),
        ]
    )


def _compare(dash: Any, files: list[str]) -> Any:
    html, dcc = dash.html, dash.dcc
    return html.Section(
        [
            html.H2("Compare with"),
            dcc.Dropdown(files, id="other", placeholder="another file of the folder"),
            html.Div(id="compared", className="message"),
        ]
    )


def _surface(dash: Any, shown: Shown) -> Any:
    html, dcc = dash.html, dash.dcc
    colours = [name for name in shown.quantities if name != "amplitude"]
    return html.Section(
        [
            html.Div(
                [
                    html.Label("surface coloured by"),
                    html.Div(
                        dcc.Dropdown(
                            quantity_options(tuple(colours)),
                            colours[-1],
                            id="colour",
                            clearable=False,
                            searchable=False,
                        ),
                        className="grow",
                    ),
                ],
                className="row",
            ),
            dcc.Graph(
                id="surface",
                config={"displaylogo": False, "responsive": True},
                style={"height": "calc(100vh - 220px)"},
            ),
            html.Div(id="surfaced", className="message"),
        ]
    )
