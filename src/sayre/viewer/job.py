"""`sayre view`: a page in the browser that shows a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

from sayre.data.option import Option, check_settings
from sayre.errors import InputError
from sayre.extras import optional
from sayre.workflows.jobs.input_file import Frames, InputFile, Source
from sayre.workflows.jobs.progress import Bar, notebook_bar


@dataclass(frozen=True, kw_only=True)
class ViewJob:
    """Show counts or an object in the browser: slices, masks, regions, filling, comparison.

    The page is served on this machine alone, at an address that is printed, until Ctrl-C.
    """

    source: Source
    mask: Annotated[
        tuple[str, ...] | None,
        Option(
            help="File of a mask that is added to the file's own, as `sayre inpaint` takes it.",
            metavar="FILE",
        ),
    ] = None
    within: Annotated[
        Path | None,
        Option(
            help="The only folder that the page reads and writes, wherever links lead; by default the "
            "file's.",
            metavar="FOLDER",
        ),
    ] = None
    port: Annotated[
        int, Option(help="Port on 127.0.0.1; 0 takes a free one.", least=0, most=65535, whole=True)
    ] = 0
    axes: Annotated[
        str | None,
        Option(
            help="Order of the axes in the file, f frames, r rows, c columns: rcf where frames are last.",
            metavar="frc|rcf|…",
        ),
    ] = None
    frames: Frames = None
    amplitudes: Annotated[
        bool, Option(help="The values are square roots of counts, as cohere keeps them: square them.")
    ] = False

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def resuming(self) -> str:
        return "the page is closed; masks that were not saved are lost"

    def run(self, bar: Bar = notebook_bar) -> NoReturn:
        """Read the file, print the address of the page, and serve it until the process is interrupted.

        Raises
        ------
        InputError
            The file cannot be read, lies outside the folder, the port is taken, the extra is not installed.
        """
        optional("dash", extra="view", task="view")
        from sayre.viewer.guard import new_token
        from sayre.viewer.server import application, listen, make
        from sayre.viewer.session import Session

        with bar(f"reading {Path(self.source).name}"):
            session = Session(*self.reading())
        token = new_token()
        with listen(self.port) as listening:
            port = listening.getsockname()[1]
            app = application(session, token, port)
            print(f"http://127.0.0.1:{port}/{token}/", flush=True)
            print("Ctrl-C ends it.", flush=True)
            make(app, listening).serve_forever()
            session.close()
        raise KeyboardInterrupt  # the server ends by nothing else, and keeps it to itself

    def reading(self) -> tuple[InputFile, Any]:
        """Return the file, and the folder that it must lie in.

        Raises
        ------
        InputError
            There is no such folder, or the file lies outside it.
        """
        from sayre.files.formats import split_path
        from sayre.viewer.folder import Folder

        file, _ = split_path(self.source)
        folder = Folder.of(self.within or file.resolve().parent)
        if not folder.holds(file):
            raise InputError(
                f"{file}: lies outside {folder.root}, the only folder that may be read; "
                "`within=` names another"
            )
        source = InputFile(
            source=self.source,
            mask=self.mask,
            axes=self.axes,
            frames=self.frames,
            amplitudes=self.amplitudes,
            within=folder.root,
        )
        return source, folder
