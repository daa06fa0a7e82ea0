// The grid of an experiment: families and templates down, conditions across. Only the rows in
// sight are in the page, however large the suite. All text is set through textContent.

const ROW_PIXELS = 26;
const ROWS_BEYOND_SIGHT = 8;
const OPEN_FROM_THE_START = 60;
const STANDINGS = ["to do", "running", "passed", "failed", "awaiting a person", "without a result"];
const VERDICTS = {
  passed: ["✓", "all passed"],
  mixed: ["◐", "some passed"],
  failed: ["✗", "none passed"],
  missing: ["?", "no result"],
  running: ["▸", "running"],
  awaiting: ["‖", "awaits a person"],
  todo: ["·", "to do"],
};

function legend() {
  const line = make("div", "polpo-exp-legend");
  for (const [name, [mark, words]] of Object.entries(VERDICTS)) {
    const item = make("span");
    const sample = make("span", "polpo-exp-cell", mark);
    sample.dataset.verdict = name;
    const share = { passed: [0, 0, 1], mixed: [0, 0, 1, 1], failed: [0, 0, 0, 1], missing: [0, 0, 0, 0, 0, 1] };
    paintCell(sample, share[name] || [1]);
    item.append(sample, make("span", "", words));
    line.append(item);
  }
  return line;
}

// Fills a cell from the left: what passed, what failed, what has no result; the rest is empty.
function paintCell(cell, counts) {
  const all = counts.reduce((sum, n) => sum + n, 0) || 1;
  const upTo = (...which) => `${(100 * which.reduce((sum, i) => sum + (counts[i] || 0), 0)) / all}%`;
  cell.style.setProperty("--passed", upTo(2));
  cell.style.setProperty("--failed", upTo(2, 3));
  cell.style.setProperty("--missing", upTo(2, 3, 5));
}

function describe(counts) {
  return STANDINGS.map((word, i) => (counts[i] ? `${counts[i]} ${word}` : "")).filter(Boolean).join(", ");
}

class ExperimentGrid {
  constructor(root, onCell) {
    this.onCell = onCell;
    this.scroller = make("div", "polpo-exp-scroll");
    this.scroller.setAttribute("role", "grid");
    this.scroller.setAttribute("aria-label", "conditions and templates");
    this.scroller.tabIndex = 0;
    this.head = make("div", "polpo-exp-head");
    this.head.setAttribute("role", "row");
    this.body = make("div", "polpo-exp-body");
    this.scroller.append(this.head, this.body);
    this.note = make("div", "polpo-exp-note");
    root.append(this.scroller, this.note);
    this.rows = [];
    this.columns = [];
    this.cells = new Map(); // "row,column" -> [verdict, counts]
    this.drawn = new Map(); // index of row -> its element
    this.shut = new Set(); // families whose templates are folded away
    this.selected = "";
    this.scroller.addEventListener("scroll", () => this.schedule());
    this.resized = new ResizeObserver(() => this.schedule());
    this.resized.observe(this.scroller);
  }

  close() {
    this.resized.disconnect();
    cancelAnimationFrame(this.frame);
  }

  layOut({ columns, rows, repeats, leftOut, conditionsLeftOut, cells }) {
    Object.assign(this, { columns, rows, repeats });
    this.cells.clear();
    const templates = rows.filter((row) => !row.family).length;
    if (templates > OPEN_FROM_THE_START) rows.forEach((row, i) => row.family && this.shut.add(i));
    const corner = make("span", "polpo-exp-name", `${(templates + leftOut).toLocaleString("en")} templates`);
    this.head.replaceChildren(
      corner,
      ...columns.map((column, i) => {
        const cell = make("span", "polpo-exp-column");
        cell.setAttribute("role", "columnheader");
        cell.title = [column.agent, column.rest].filter(Boolean).join(" · ");
        const again = i > 0 && columns[i - 1].agent === column.agent && column.rest;
        if (!again) cell.classList.add("polpo-exp-first");
        cell.append(make("b", "", again ? " " : column.agent), make("span", "", column.rest));
        return cell;
      }),
    );
    this.scroller.style.setProperty("--columns", columns.length);
    const notes = [];
    if (leftOut) notes.push(`${leftOut.toLocaleString("en")} templates have no row here: exp.frame("tasks") has all`);
    if (conditionsLeftOut)
      notes.push(`${conditionsLeftOut.toLocaleString("en")} conditions have no column here: exp.frame("conditions") has all`);
    this.note.textContent = notes.join("; ");
    this.drawn.forEach((element) => element.remove());
    this.drawn.clear();
    this.take(cells);
    this.lineUp();
  }

  // Decides which rows there are now: folded families hide theirs.
  lineUp() {
    let hidden = false;
    this.order = [];
    this.rows.forEach((row, i) => {
      if (row.family) hidden = this.shut.has(i);
      if (row.family || !hidden) this.order.push(i);
    });
    this.body.style.height = `${this.order.length * ROW_PIXELS}px`;
    this.drawn.forEach((element) => element.remove());
    this.drawn.clear();
    this.schedule();
  }

  take(cells) {
    for (const [row, column, verdict, counts] of cells) {
      this.cells.set(`${row},${column}`, [verdict, counts]);
      const element = this.drawn.get(row);
      if (element) this.drawCell(element.children[column + 1], row, column);
    }
  }

  select(place) {
    this.selected = place;
    this.body.querySelectorAll(".polpo-selected").forEach((cell) => cell.classList.remove("polpo-selected"));
    const [row, column] = place.split(",").map(Number);
    this.drawn.get(row)?.children[column + 1]?.classList.add("polpo-selected");
  }

  schedule() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    if (!this.order) return;
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW_PIXELS) - ROWS_BEYOND_SIGHT);
    const count = Math.ceil(this.scroller.clientHeight / ROW_PIXELS) + 2 * ROWS_BEYOND_SIGHT;
    const wanted = new Map(this.order.slice(first, first + count).map((row, i) => [row, first + i]));
    for (const [row, element] of this.drawn) {
      if (wanted.has(row)) continue;
      element.remove();
      this.drawn.delete(row);
    }
    for (const [row, position] of wanted) {
      if (this.drawn.has(row)) continue;
      const element = this.rowElement(row);
      element.style.top = `${position * ROW_PIXELS}px`;
      this.drawn.set(row, element);
      this.body.append(element);
    }
  }

  rowElement(row) {
    const { name, family, size } = this.rows[row];
    const element = make("div", family ? "polpo-exp-row polpo-exp-family" : "polpo-exp-row");
    element.setAttribute("role", "row");
    element.append(family ? this.familyName(row, name, size) : make("span", "polpo-exp-name", name));
    element.firstChild.title = name;
    this.columns.forEach((column, i) => {
      const cell = make(family ? "span" : "button", "polpo-exp-cell");
      cell.setAttribute("role", "gridcell");
      if (!family) {
        cell.type = "button";
        cell.addEventListener("click", () => {
          this.select(`${row},${i}`);
          this.onCell(row, i);
        });
      }
      element.append(cell);
      this.drawCell(cell, row, i);
    });
    return element;
  }

  familyName(row, name, size) {
    const button = make("button", "polpo-exp-name");
    button.type = "button";
    const draw = () => {
      const shut = this.shut.has(row);
      button.textContent = `${shut ? "▸" : "▾"} ${name} (${size.toLocaleString("en")})`;
      button.setAttribute("aria-expanded", String(!shut));
    };
    button.addEventListener("click", () => {
      if (!this.shut.delete(row)) this.shut.add(row);
      this.lineUp();
    });
    draw();
    return button;
  }

  drawCell(cell, row, column) {
    const whole = [this.repeats * this.rows[row].size];
    const [verdict, counts] = this.cells.get(`${row},${column}`) || ["todo", whole];
    const judged = counts[2] + counts[3];
    const text = [VERDICTS[verdict][0], judged ? `${counts[2]}/${judged}` : "", judged && counts[5] ? `?${counts[5]}` : ""];
    cell.dataset.verdict = verdict;
    cell.textContent = text.filter(Boolean).join(" ");
    paintCell(cell, counts);
    const where = [this.rows[row].name, this.columns[column].agent, this.columns[column].rest].filter(Boolean);
    cell.title = `${where.join(" · ")}: ${describe(counts)}`;
    cell.setAttribute("aria-label", cell.title);
    cell.classList.toggle("polpo-selected", this.selected === `${row},${column}`);
  }
}
