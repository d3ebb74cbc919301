"""
Command-line overrides for train.py. This is not a module: train.py reads this file and executes it inside its own
globals, right after the hyper-parameters and the list `config_keys` have been defined.

    python train.py config/tiny.py --batch_size=4 --device=cpu

An argument without dashes is a Python file; the names it assigns become hyper-parameters. `--key=value` sets one of
them. Arguments are taken from left to right, the last one wins. A value is read as a Python literal, and as a plain
string when it is not one. Its type must be the type of the default, except where the default is None.
"""

from ast import literal_eval as _literal_eval
from types import ModuleType as _ModuleType


def _override(_key, _value):
    if _key not in config_keys:
        raise ValueError(f"unknown config key: {_key}")
    _default = _config_defaults[_key]
    if _default is not None and type(_value) is not type(_default):
        raise ValueError(f"config key {_key} takes {type(_default).__name__}, got {_value!r}")
    print(f"overriding: {_key} = {_value!r}")
    globals()[_key] = _value
    overridden_keys.add(_key)


overridden_keys = set()
_config_defaults = {_key: globals()[_key] for _key in config_keys}

for _argument in sys.argv[1:]:
    if not _argument.startswith('--'):
        # a config file sees the present values, so that it can compute one from another
        _before = {_key: globals()[_key] for _key in config_keys}
        _namespace = dict(_before)
        with open(_argument) as _file:
            exec(_file.read(), _namespace)
        for _key, _value in _namespace.items():
            if _key.startswith('_') or isinstance(_value, _ModuleType):
                continue
            if _key not in _before or _value is not _before[_key]:
                _override(_key, _value)
        continue
    _key, _equals, _text = _argument[2:].partition('=')
    if not _equals:
        raise ValueError(f"expected --key=value, got {_argument}")
    try:
        _value = _literal_eval(_text)
    except (SyntaxError, ValueError):
        _value = _text
    _override(_key, _value)
