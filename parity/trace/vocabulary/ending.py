"""How a run ends."""

from ..channel import Channel, Kind, Phase, Role

CHANNELS = (
    Channel(name="exception", phase=Phase.EXIT, kind=Kind.TEXT, title="the exception that ended the program"),
    Channel(name="exit_status", phase=Phase.EXIT, kind=Kind.TEXT, title="how the program ended"),
    Channel(name="updates", phase=Phase.EXIT, kind=Kind.INTEGER, unit="updates", title="the number of updates"),
    Channel(
        name="source_file",
        phase=Phase.EXIT,
        kind=Kind.TEXT,
        title="which source files the program is made of",
        role=Role.CONTEXT,
        name_means="file",
    ),
    Channel(
        name="file_written",
        phase=Phase.EXIT,
        kind=Kind.TEXT,
        title="which files are written",
        role=Role.CONTEXT,
        name_means="file",
    ),
    Channel(
        name="table_file",
        phase=Phase.EXIT,
        kind=Kind.TEXT,
        title="which files of numbers, CSV or JSON, are left",
        name_means="file",
        owed=True,
    ),
)
