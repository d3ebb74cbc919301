"""What is installed in a recorded program beside the probes, when a recording asks for it by name.

An attachment is a module or package of ``parity.record`` with two functions: ``install(listener, options)``, run in the
recorded program after all probes, and ``describe(options)``, which says in words what it changes in the program, for
the list of interventions. Options are what JSON can hold.

Also loaded inside recorded programs: the standard library only.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

_OBSERVING: Final = {
    "causality": "causality, at level full",
    "consumption": "consumption, where noise is measured",
    "follow": "follow mode",
}


def install(listener: Any, attachments: Mapping[str, Mapping[str, Any]]) -> None:
    """Install every attachment. One that cannot be is switched off and noted, as a probe is."""
    for name, options in attachments.items():
        try:
            _module(name).install(listener, options)
        except Exception as error:
            listener.switch_off(name, error)


def describe(name: str, options: Mapping[str, Any]) -> str:
    """What the attachment ``name`` changes in the program, in words."""
    return str(_module(name).describe(options))


def observers() -> dict[str, Any]:
    """The attachments that observe channels of their own, by what they are called in the documentation."""
    return {title: _module(name) for name, title in _OBSERVING.items()}


def _module(name: str) -> Any:
    # By relative name: inside a recorded program this package is loaded by path, under a name of its own.
    return import_module(f"{__package__}.{name}")
