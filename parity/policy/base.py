"""What every table of the policy has in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
"""A name that is also one of a directory."""


class Table(BaseModel):
    """A table that cannot be changed, and in which a key that nobody knows is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
