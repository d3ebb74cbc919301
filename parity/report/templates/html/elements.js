// Elements and numbers. All text from the data goes through textContent: nothing in it can become markup.

const SVG = "http://www.w3.org/2000/svg";
const STANDINGS = {
  x: { name: "different", word: "different", sign: "\u00d7" },
  "~": { name: "equivalent", word: "equivalent", sign: "\u2248" },
  i: { name: "listed", word: "different, does not count", sign: "i" },
  "=": { name: "identical", word: "identical", sign: "=" },
  p: { name: "partly", word: "identical where compared, partly not compared", sign: "=" },
  "?": { name: "unknown", word: "not compared", sign: "?" },
  " ": { name: "nothing", word: "nothing observed", sign: "" },
};

function element(tag, attributes = {}, ...children) {
  return furnished(document.createElement(tag), attributes, children);
}

function drawn(tag, attributes = {}, ...children) {
  return furnished(document.createElementNS(SVG, tag), attributes, children);
}

function furnished(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

function pill(sign) {
  const standing = STANDINGS[sign];
  const name = standing.name === "unknown" ? "not_compared" : standing.name;
  return element("span", { class: `pill ${name}` }, standing.word);
}

// "nan" and "inf" are texts in the data, and null is a value that was never there.
function finite(value) {
  return typeof value === "number" ? value : NaN;
}

function short(value, digits = 4) {
  if (value === null || value === undefined) return "none";
  if (typeof value !== "number") return String(value);
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential(digits - 1).replace(/\.?0+e/, "e");
  return String(Number(value.toPrecision(digits)));
}

function counted(number) {
  return number.toLocaleString("en-US");
}
