// A bounded log of untrusted text: SGR colours become spans, every other control sequence is
// dropped, text only ever enters the page through textContent. Knows nothing of tasks.

const MAX_LINES = 5000;
const MAX_LINE_CHARACTERS = 4000;
const SEQUENCE = new RegExp(
  "(?:\\x1b\\[|\\x9b)[0-?]*[ -/]*[@-~]" + // CSI, SGR among them
    "|(?:\\x1b[\\]PX^_]|[\\x9d\\x90\\x98\\x9e\\x9f])[^\\x07\\x1b\\x9c\\n]*(?:\\x07|\\x1b\\\\|\\x9c)" +
    "|\\x1b[ -/]*[0-~]" +
    "|\\r\\n|\\n|\\r",
  "g",
);
// The beginning of a sequence that the next chunk may complete.
const UNFINISHED = /(?:\x1b|\x9b|\x1b\[[0-?]*[ -/]*|\x9b[0-?]*[ -/]*|\x1b[\]PX^_][^\x07\x1b\x9c\n]{0,256}\x1b?|\r)$/;
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g;
const NEWLINES = /[\u2028\u2029\u0085]/g;

export function cleanText(text) {
  return text.replace(NEWLINES, " ").replace(INVISIBLE, "");
}

function paletteColour(number) {
  if (number < 16) return { index: number };
  if (number < 232) {
    const level = (n) => (n === 0 ? 0 : 55 + 40 * n);
    const n = number - 16;
    return { rgb: [level(Math.floor(n / 36)), level(Math.floor(n / 6) % 6), level(n % 6)] };
  }
  const grey = 8 + 10 * (number - 232);
  return { rgb: [grey, grey, grey] };
}

function byte(value) {
  return Math.max(0, Math.min(255, value | 0));
}

// Reads the parameters of one SGR sequence into the style that holds from there on.
export function applySgr(style, parameters) {
  const codes = parameters.split(/[;:]/).map((text) => (text === "" ? 0 : Number(text)));
  let next = { ...style };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i];
    if (code === 0) next = {};
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 7) next.inverse = true;
    else if (code === 9) next.strike = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.inverse = false;
    else if (code === 29) next.strike = false;
    else if (code >= 30 && code <= 37) next.fore = { index: code - 30 };
    else if (code >= 90 && code <= 97) next.fore = { index: code - 82 };
    else if (code >= 40 && code <= 47) next.back = { index: code - 40 };
    else if (code >= 100 && code <= 107) next.back = { index: code - 92 };
    else if (code === 39) next.fore = undefined;
    else if (code === 49) next.back = undefined;
    else if (code === 38 || code === 48) {
      const side = code === 38 ? "fore" : "back";
      if (codes[i + 1] === 5) {
        next[side] = paletteColour(byte(codes[i + 2]));
        i += 2;
      } else if (codes[i + 1] === 2) {
        next[side] = { rgb: [byte(codes[i + 2]), byte(codes[i + 3]), byte(codes[i + 4])] };
        i += 4;
      }
    }
  }
  return next;
}

function paint(span, property, colour) {
  if (!colour) return;
  span.style[property] = colour.rgb
    ? `rgb(${colour.rgb.join(",")})`
    : `var(--polpo-ansi-${colour.index})`;
}

function styledSpan(text, style, stream) {
  const span = document.createElement("span");
  span.textContent = text;
  const classes = ["bold", "dim", "italic", "underline", "strike"].filter((name) => style[name]);
  if (stream === "stderr" || stream === "error") classes.push(stream);
  if (classes.length) span.className = classes.map((name) => `polpo-${name}`).join(" ");
  let { fore, back } = style;
  if (style.inverse) {
    if (fore || back) [fore, back] = [back, fore];
    span.classList.add("polpo-inverse");
  }
  paint(span, "color", fore);
  paint(span, "backgroundColor", back);
  return span;
}

// Lines of text and other elements, newest at the end; the oldest leave beyond MAX_LINES.
export class TerminalLog {
  constructor(element) {
    this.element = element;
    this.clear();
  }

  clear() {
    this.element.replaceChildren();
    this.removed = 0; // lines that this page had and let go
    this.styles = {};
    this.pending = {};
    this.startLine();
  }

  startLine() {
    this.line = null; // made with its first text
    this.segments = [];
    this.length = 0;
    this.cut = 0;
    this.overwrite = false;
  }

  write(stream, chunk) {
    let text = (this.pending[stream] || "") + chunk;
    const unfinished = text.match(UNFINISHED);
    this.pending[stream] = unfinished ? unfinished[0] : "";
    if (unfinished) text = text.slice(0, unfinished.index);
    let from = 0;
    for (const match of text.matchAll(SEQUENCE)) {
      this.put(stream, text.slice(from, match.index));
      from = match.index + match[0].length;
      this.control(stream, match[0]);
    }
    this.put(stream, text.slice(from));
    this.draw();
  }

  control(stream, sequence) {
    if (sequence === "\n" || sequence === "\r\n") this.endLine();
    else if (sequence === "\r") this.overwrite = true;
    else if (/^(?:\x1b\[|\x9b)[0-9;:]*m$/.test(sequence)) {
      this.styles[stream] = applySgr(
        this.styles[stream] || {},
        sequence.replace(/^(?:\x1b\[|\x9b)/, "").slice(0, -1),
      );
    }
  }

  put(stream, raw) {
    if (raw === "") return;
    if (this.overwrite) {
      this.segments = [];
      this.length = this.cut = 0;
      this.overwrite = false;
    }
    const room = MAX_LINE_CHARACTERS - this.length;
    // Cleaning a hundred megabytes to show four thousand characters would freeze the page.
    const text = cleanText(raw.length > 2 * MAX_LINE_CHARACTERS ? raw.slice(0, room) : raw);
    const shown = text.slice(0, Math.max(0, room));
    if (shown) this.segments.push([shown, this.styles[stream] || {}, stream]);
    this.length += shown.length;
    this.cut += Math.max(0, raw.length - room);
  }

  endLine() {
    this.draw(true);
    this.startLine();
  }

  // Draws the line in progress; one that has no text yet is drawn only when it ends.
  draw(ended = false) {
    if (!this.segments.length && !ended && !this.line) return;
    const spans = this.segments.map(([text, style, stream]) => styledSpan(text, style, stream));
    if (this.cut) {
      const note = document.createElement("span");
      note.className = "polpo-note";
      note.textContent = ` [… ${this.cut.toLocaleString("en")} characters of this line left out …]`;
      spans.push(note);
    }
    if (!this.line) {
      this.line = document.createElement("div");
      this.line.className = "polpo-line";
      this.add(this.line);
    }
    this.line.replaceChildren(...spans);
  }

  // Adds an element between the lines: a tool call, a heading, a note.
  insert(element) {
    if (this.segments.length) this.endLine();
    this.add(element);
  }

  add(element) {
    this.element.append(element);
    while (this.element.childElementCount > MAX_LINES) {
      this.element.firstElementChild.remove();
      this.removed += 1;
    }
  }
}
