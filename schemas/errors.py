"""Every error that gristmill raises on purpose.

::

    GristmillError
    ├── RecipeError          a recipe or training config is wrong; lists every mistake
    ├── UsageError           the command line asks for something that is not there
    ├── InputError           an input file cannot be read at all
    ├── SchemaError          a table lacks a column or has another type
    ├── AccountingError      in != kept + dropped + quarantined
    ├── CorruptFileError     bytes differ from what a manifest says
    ├── StoreError           an object store lacks, refuses or fails what is asked of it
    ├── UnitFailedError      a unit of work failed for a reason that is not one document's
    ├── EngineError          an engine is missing, damaged, unreachable or of another version
    ├── PublishError         a version cannot be published
    │   └── VersionExistsError
    └── StateMismatchError   a checkpoint belongs to other data, another plan or another order
"""

from collections.abc import Sequence


class GristmillError(Exception):
    """Root of the tree; `exit_code` is what the command line returns for it."""

    exit_code = 1


class RecipeError(GristmillError):
    """A recipe is wrong. Holds every mistake, each with its path in the file."""

    exit_code = 2

    def __init__(self, origin: str, mistakes: Sequence[tuple[str, str]]) -> None:
        self.origin = origin
        self.mistakes = tuple(mistakes)
        count = len(self.mistakes)
        lines = [f"{origin}: {count} mistake{'s' if count != 1 else ''}"]
        lines += [f"  {path}: {message}" for path, message in self.mistakes]
        super().__init__("\n".join(lines))


class UsageError(GristmillError):
    """The command line names something that does not exist or does not go together."""

    exit_code = 2


class InputError(GristmillError):
    """An input file cannot be read at all; names the file, the offset and what to do."""


class SchemaError(GristmillError):
    """A table lacks a column or has a column of another type."""


class AccountingError(GristmillError):
    """Counts do not add up: some record was lost or invented."""


class CorruptFileError(GristmillError):
    """The bytes of a file differ from what its manifest says."""


class StoreError(GristmillError):
    """An object store lacks, refuses or fails what is asked of it; names the address."""


class UnitFailedError(GristmillError):
    """A unit of work failed for a reason that is not one document's."""


class EngineError(GristmillError):
    """An engine cannot run the job: not installed, not reachable, or its workers do not fit."""


class PublishError(GristmillError):
    """A version cannot be published."""


class VersionExistsError(PublishError):
    """Another publisher committed this version first; versions are never overwritten."""


class StateMismatchError(GristmillError):
    """A checkpoint or loader state belongs to other data, another plan or another order."""
