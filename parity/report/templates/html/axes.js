// Scales from values to pixels, and the round numbers on them.

function linear([low, high], [from, to]) {
  // Halves, because the distance of two huge numbers may be more than a number holds.
  const span = high / 2 - low / 2 || 1;
  return (value) => from + ((value / 2 - low / 2) / span) * (to - from);
}

function ticks(low, high, about) {
  const raw = (high - low) / about || 1;
  if (!Number.isFinite(raw)) return [];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw) || raw;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) found.push(Math.abs(at) < step / 1e6 ? 0 : at);
  return found;
}

// The range of what is visible, with a little air; a constant gets a range around it.
function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  const air = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return Number.isFinite(air) ? [low - air, high + air] : [low, high];
}

// A line through all finite points, broken where one is missing or not a number.
function lineThrough(xs, ys) {
  let path = "";
  let pen = "M";
  for (let at = 0; at < xs.length; at += 1) {
    if (Number.isFinite(ys[at])) {
      path += `${pen}${xs[at].toFixed(1)} ${ys[at].toFixed(1)}`;
      pen = "L";
    } else {
      pen = "M";
    }
  }
  return path;
}
