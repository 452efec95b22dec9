"""Every error that sentfeat raises on purpose. A message says what was wrong, what was got, and what to do."""


class SentfeatError(Exception):
    """The root: catch this to catch everything that sentfeat raises on purpose."""

    def __str__(self) -> str:
        """The message on one line, whatever a library's own message inside it looks like."""
        return " ".join(super().__str__().split())


class ConfigError(SentfeatError):
    """A configuration file, an override or an argument that cannot be used."""


class SourceError(SentfeatError):
    """A source (feed, API, file) that could not be read; the run goes on without it and says so."""


class AbsentError(SourceError):
    """The source answered that there is no such page: asking again will not help."""


class DataError(SentfeatError):
    """Rows or files that break what tables.py declares."""


class LakeError(SentfeatError):
    """A lake that cannot be written: full, read-only, or out of reach."""


class BusyError(SentfeatError):
    """Another run is writing the same lake."""


class OverdueError(SentfeatError):
    """A session or a source that should be there by now and is not."""


class SessionError(SentfeatError):
    """A date that is no trading session, or a session whose cut-off has not passed yet."""


class BundleError(SentfeatError):
    """A model bundle that is incomplete, altered, or not what its passport says."""
