import math

import pytest

from parity.trace.lines import split_line

NUMBERS = [
    ("loss 2.5", "loss {}", [2.5]),
    ("step 10 loss 2.5", "step {} loss {}", [10.0, 2.5]),
    ("iter 10: loss 2.3456, time 12.34ms, mfu 1.2%", "iter {}: loss {}, time {}ms, mfu {}%", [10, 2.3456, 12.34, 1.2]),
    ("lr=1e-05 wd=3E+2 eps=.5e-1", "lr={} wd={} eps={}", [1e-5, 300.0, 0.05]),
    ("x=-1 y=+2 z=.25 w=-.5", "x={} y={} z={} w={}", [-1.0, 2.0, 0.25, -0.5]),
    ("10/100", "{}/{}", [10.0, 100.0]),
    ("[1, 2.5]", "[{}, {}]", [1.0, 2.5]),
    ("(3)", "({})", [3.0]),
    ("5%", "{}%", [5.0]),
    ("cuda:0", "cuda:{}", [0.0]),
    ("12.3k tok", "{}k tok", [12.3]),
    ("3 tokens", "{} tokens", [3.0]),
    ("1,234,567 parameters", "{} parameters", [1234567.0]),
    ("1,234.5", "{}", [1234.5]),
    ("1,2,3", "{},{},{}", [1.0, 2.0, 3.0]),
    ("1,2345", "{},{}", [1.0, 2345.0]),
    ("1.5,2.5", "{},{}", [1.5, 2.5]),
    ("1-2", "{}-{}", [1.0, 2.0]),
    ("inf -inf +inf", "{} {} {}", [math.inf, -math.inf, math.inf]),
    ("loss=inf, 3", "loss={}, {}", [math.inf, 3.0]),
    ("1e999", "{}", [math.inf]),
]
WORDS = [
    "no numbers here",
    "gpt2 resnet50 x1 h_1",
    "torch 2.13.0+cpu",
    "v1.2.3",
    "version 1.2.3",
    "3x3",
    "1_000",
    "conv2d",
    "at 0x7f12ab34cd",
    "mask 0xdeadbeef",
    "12ab34",
    "saved out/run3/ckpt_100.pt",
    "information",
    "info: started",
    "inference begins",
    "nanoGPT",
    "nano banana",
    "infinite",
]
MOMENTS = [
    ("2024-01-02 03:04:05 start", "{time} start", []),
    ("2024-01-02T03:04:05Z", "{time}", []),
    ("2024-01-02T03:04:05.123+01:00 x", "{time} x", []),
    ("2024-01-02 03:04:05,123 - loss 2", "{time} - loss {}", [2.0]),
    ("03:04:05 loss 2", "{time} loss {}", [2.0]),
    ("[03:04:05] 1", "[{time}] {}", [1.0]),
    ("2024-01-02", "{time}", []),
    ("03:04:05.123 loss 2", "{time} loss {}", [2.0]),
    ("03:04:05,123 loss 2", "{time} loss {}", [2.0]),
]
RETURNS = [
    ("10%\r20%\r30%", "{}%", [30.0]),
    ("  padded 1  ", "padded {}", [1.0]),
    ("", "", []),
    ("   ", "", []),
    ("loss 2.5\r", "loss {}", [2.5]),
    ("10%\r20%\r", "{}%", [20.0]),
]
PLACEHOLDERS = [
    ("kwargs {} loss 2", 1),
    ("{} {}", 0),
    ("{3}", 1),
    ("{'a': 1}", 1),
]


@pytest.mark.parametrize(("line", "template", "numbers"), [*NUMBERS, *MOMENTS, *RETURNS])
def test_line(line, template, numbers):
    assert split_line(line) == (template, numbers)


@pytest.mark.parametrize("line", WORDS)
def test_digits_and_letters_inside_words_stay_text(line):
    assert split_line(line) == (line, [])


@pytest.mark.parametrize("text", ["nan", "-nan", "+nan"])
def test_nan(text):
    template, numbers = split_line(f"loss {text}")
    assert template == "loss {}"
    assert math.isnan(numbers[0])


@pytest.mark.parametrize(("text", "sign"), [("-0.0", -1.0), ("0.0", 1.0), ("-0", -1.0)])
def test_zero_keeps_its_sign(text, sign):
    assert math.copysign(1.0, split_line(f"x {text}")[1][0]) == sign


@pytest.mark.parametrize(("line", "count"), PLACEHOLDERS)
def test_braces_that_were_printed_are_no_places(line, count):
    template, numbers = split_line(line)
    assert template.count("{}") == len(numbers) == count


def test_a_very_long_line_is_cut(tmp_path):
    template, numbers = split_line("x" * 5000 + " 3")
    assert len(template) == 2000
    assert numbers == []
