// The difference strip: the size of every difference on a logarithmic scale, against ten times the noise floor.

function stripOf(chart, from, to, xs, floor) {
  const { curve } = chart;
  const middle = STRIP_TOP + STRIP / 2 + 4;
  if (!curve.difference) return [drawn("text", { x: (LEFT + WIDE) / 2, y: middle, "text-anchor": "middle" }, "no difference")];
  const sizes = curve.difference.slice(from, to).map((value) => Math.abs(finite(value)));
  const limits = floor ? floor.filter((value) => value > 0) : [];
  const logs = [...sizes.filter((value) => value > 0), ...limits].map(Math.log10);
  const low = Math.floor(logs.reduce((a, b) => Math.min(a, b), Infinity));
  const high = Math.ceil(logs.reduce((a, b) => Math.max(a, b), -Infinity));
  if (!Number.isFinite(low)) return [...absentIn(curve, from, to, xs), drawn("text", { x: (LEFT + WIDE) / 2, y: middle, "text-anchor": "middle" }, "no difference of two numbers here")];
  const y = linear([low, Math.max(high, low + 1)], [STRIP_TOP + STRIP - 3, STRIP_TOP + 4]);
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

function stripLabels(chart, from, to) {
  if (!chart.curve.difference) return [];
  const sizes = chart.curve.difference.slice(from, to).map((value) => Math.abs(finite(value))).filter((value) => value > 0);
  const largest = sizes.reduce((a, b) => Math.max(a, b), 0);
  return [
    drawn("text", { x: LEFT - 6, y: STRIP_TOP + 11, "text-anchor": "end" }, largest ? short(largest, 2) : ""),
    drawn("text", { x: LEFT - 6, y: STRIP_TOP + STRIP - 2, "text-anchor": "end" }, sizes.length ? short(sizes.reduce((a, b) => Math.min(a, b)), 2) : ""),
    drawn("text", { x: LEFT, y: STRIP_TOP + STRIP + 14 }, "size of the difference, from smallest to largest, logarithmic"),
  ];
}
