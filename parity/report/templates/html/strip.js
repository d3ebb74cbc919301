// The difference strip: the size of every difference on a logarithmic scale, against ten times the noise floor.

function stripOf(chart, from, to, xs, floor) {
  const { curve } = chart;
  const middle = STRIP_TOP + STRIP / 2 + 4;
  if (!curve.difference) return [drawn("text", { x: (LEFT + WIDE) / 2, y: middle, "text-anchor": "middle" }, "no difference")];
  const sizes = sizesOf(curve, from, to);
  const range = decades(sizes, floor);
  if (!range) return [...absentIn(curve, from, to, xs), drawn("text", { x: (LEFT + WIDE) / 2, y: middle, "text-anchor": "middle" }, "no difference of two numbers here")];
  const y = linear(range, [STRIP_TOP + STRIP - 3, STRIP_TOP + 4]);
  const bar = (at) => `M${xs[at].toFixed(1)} ${STRIP_TOP + STRIP}V${y(Math.log10(sizes[at])).toFixed(1)}`;
  const apart = sizes.map((_, at) => at).filter((at) => sizes[at] > 0);
  const isInside = (at) => floor !== null && sizes[at] <= floor[at];
  return [
    drawn("path", { class: "bars inside", d: apart.filter(isInside).map(bar).join("") }),
    drawn("path", { class: "bars", d: apart.filter((at) => !isInside(at)).map(bar).join("") }),
    ...(floor ? [drawn("path", { class: "limit", d: lineThrough(xs, floor.map((value) => (value > 0 ? y(Math.log10(value)) : NaN))) })] : []),
    ...absentIn(curve, from, to, xs),
  ];
}

function sizesOf(curve, from, to) {
  return curve.difference.slice(from, to).map((value) => Math.abs(finite(value)));
}

// The powers of ten that hold all sizes, and all of the floor; the lowest is below them, so that every size has a height.
function decades(sizes, floor) {
  const positive = [...sizes, ...(floor || [])].filter((value) => value > 0 && value < Infinity);
  if (!sizes.some((value) => value > 0)) return null;
  const low = Math.ceil(Math.log10(positive.reduce((a, b) => Math.min(a, b)))) - 1;
  const high = Math.ceil(Math.log10(positive.reduce((a, b) => Math.max(a, b))));
  return [low, high];
}

// A value that only one side has differs without a size.
function absentIn(curve, from, to, xs) {
  const marks = [];
  for (let at = from; at < to && marks.length < 200; at += 1) {
    if (curve.candidate && (curve.reference[at] === null) !== (curve.candidate[at] === null)) {
      marks.push(`M${xs[at - from].toFixed(1)} ${STRIP_TOP}v6`);
    }
  }
  return marks.length ? [drawn("path", { class: "bars absent", d: marks.join("") })] : [];
}

function stripLabels(chart, from, to, floor) {
  const range = chart.curve.difference ? decades(sizesOf(chart.curve, from, to), floor) : null;
  if (!range) return [];
  return [
    drawn("text", { x: LEFT - 6, y: STRIP_TOP + 11, "text-anchor": "end" }, short(10 ** range[1], 2)),
    drawn("text", { x: LEFT - 6, y: STRIP_TOP + STRIP - 2, "text-anchor": "end" }, short(10 ** range[0], 2)),
    drawn("text", { x: LEFT, y: STRIP_TOP + STRIP + 14 }, "size of the difference, logarithmic"),
  ];
}
