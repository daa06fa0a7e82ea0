// The board: a table of tasks that filters what it was sent. All text is set through textContent.

const MAX_ROWS = 300;
function age(updated) {
  if (!updated) return "";
  const s = Math.max(0, (Date.now() - updated) / 1000);
  if (s < 60) return "just now";
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86400)} d ago`;
}

function select(label, onChange) {
  const control = make("select");
  control.setAttribute("aria-label", label);
  control.addEventListener("change", onChange);
  const fill = (values) => {
    const chosen = control.value;
    const known = [...new Set(values)].filter(Boolean).sort();
    const now = [...control.options].slice(1).map((option) => option.value);
    if (control.options.length && JSON.stringify(now) === JSON.stringify(known)) return;
    const all = make("option", "", `all ${label}s`);
    all.value = "";
    const options = known.map((value) => {
      const option = make("option", "", value);
      option.value = value;
      return option;
    });
    control.replaceChildren(all, ...options);
    control.value = known.includes(chosen) ? chosen : "";
  };
  fill([]);
  return { control, fill };
}

function rowElement(task, isSelected, open) {
  const row = make("tr", isSelected ? "polpo-selected" : "");
  row.dataset.status = task.status;
  const state = make("td", "polpo-board-state");
  state.append(make("span", "polpo-board-mark", MARKS[task.status] || "●"));
  state.append(make("span", "", task.statusText));
  const title = make("td", "polpo-board-title");
  const button = make("button", "", task.title);
  button.type = "button";
  button.title = task.id;
  button.setAttribute("aria-label", `open ${task.title}`);
  title.append(button);
  row.addEventListener("click", open);
  const score = task.score === null ? "" : task.score.toFixed(1);
  const verdict = task.passed === null ? (task.judged ? "? " : "") : task.passed ? "✓ " : "✗ ";
  row.append(
    state,
    title,
    make("td", "", task.agent),
    make("td", "", task.group),
    make("td", "polpo-board-number", String(task.attempt)),
    make("td", "polpo-board-number", `${verdict}${score}`),
    make("td", "polpo-board-quiet", age(task.updated)),
  );
  return row;
}

// Tells the kernel whether anybody can see the board: nobody looking, nothing asked.
function watchSight(root, tell) {
  let inView = true;
  let told = true;
  const update = () => {
    const value = inView && document.visibilityState === "visible";
    if (value !== told) tell((told = value));
  };
  const observer = new IntersectionObserver((entries) => {
    inView = entries[entries.length - 1].isIntersecting;
    update();
  });
  observer.observe(root);
  document.addEventListener("visibilitychange", update);
  return () => {
    observer.disconnect();
    document.removeEventListener("visibilitychange", update);
    tell(false);
  };
}

function render({ model, el }) {
  const root = make("section", "polpo-board");
  root.setAttribute("aria-label", "tasks");
  el.append(root);
  const bar = make("div", "polpo-board-bar");
  const search = make("input");
  search.type = "search";
  search.placeholder = "filter by title or id";
  search.setAttribute("aria-label", "filter by title or id");
  search.addEventListener("keydown", (event) => event.stopPropagation());
  const states = make("div", "polpo-board-states");
  states.setAttribute("role", "group");
  states.setAttribute("aria-label", "filter by state");
  const trouble = make("div", "polpo-board-trouble");
  trouble.setAttribute("role", "status");
  const scroller = make("div", "polpo-board-scroll");
  const table = make("table");
  const head = make("tr");
  for (const name of ["state", "task", "agent", "group", "attempt", "score", "changed"]) {
    const cell = make("th", "", name);
    cell.scope = "col";
    head.append(cell);
  }
  const thead = make("thead");
  thead.append(head);
  const tbody = make("tbody");
  table.append(thead, tbody);
  scroller.append(table);
  const note = make("div", "polpo-board-note");
  note.setAttribute("aria-live", "polite");

  let tasks = new Map();
  let counts = {};
  let leftOut = 0;
  let status = "";
  let scheduled = false;
  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => ((scheduled = false), draw()));
  };
  const groups = select("group", schedule);
  const agents = select("agent", schedule);
  search.addEventListener("input", schedule);
  bar.append(search, groups.control, agents.control, states);
  root.append(bar, trouble, scroller, note);

  const drawStates = () => {
    const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
    const words = new Map([...tasks.values()].map((task) => [task.status, task.statusText]));
    const chips = [["", `all ${total}`]];
    for (const [name, n] of Object.entries(counts)) chips.push([name, `${words.get(name) || name} ${n}`]);
    const focused = states.contains(document.activeElement) ? document.activeElement.value : null;
    states.replaceChildren(
      ...chips.map(([name, text]) => {
        const chip = make("button", "", text);
        chip.type = "button";
        chip.value = name;
        chip.setAttribute("aria-pressed", String(name === status));
        chip.addEventListener("click", () => ((status = name), schedule()));
        return chip;
      }),
    );
    if (focused !== null) [...states.children].find((chip) => chip.value === focused)?.focus();
  };
  const draw = () => {
    groups.fill([...tasks.values()].map((task) => task.group));
    agents.fill([...tasks.values()].map((task) => task.agent));
    if (status && !(status in counts)) status = "";
    drawStates();
    const wanted = search.value.trim().toLowerCase();
    const fits = (task) =>
      (!status || task.status === status) &&
      (!groups.control.value || task.group === groups.control.value) &&
      (!agents.control.value || task.agent === agents.control.value) &&
      (!wanted || task.title.toLowerCase().includes(wanted) || task.id.toLowerCase().includes(wanted));
    const found = [...tasks.values()].filter(fits).reverse();
    const selected = model.get("selected");
    const focused = tbody.contains(document.activeElement) ? document.activeElement.title : null;
    tbody.replaceChildren(
      ...found.slice(0, MAX_ROWS).map((task) =>
        rowElement(task, task.id === selected, () => model.send({ kind: "open", taskId: task.id })),
      ),
    );
    if (focused) [...tbody.querySelectorAll("button")].find((b) => b.title === focused)?.focus();
    const hidden = Math.max(0, found.length - MAX_ROWS) + leftOut;
    const words = found.length ? "" : tasks.size ? "No task fits the filters." : "No tasks yet.";
    note.textContent = hidden
      ? `${hidden.toLocaleString("en")} older tasks are not shown here: lab.tasks.frame()`
      : words;
  };
  const hello = newId();
  const receive = (message) => {
    if (message.kind === "all" && message.id === hello) tasks = new Map();
    else if (message.kind !== "changes") return;
    for (const id of message.gone || []) tasks.delete(id);
    for (const task of message.rows) tasks.set(task.id, task);
    counts = message.counts;
    leftOut = message.leftOut;
    schedule();
  };
  const drawTrouble = () => {
    trouble.textContent = model.get("trouble");
  };
  model.on("msg:custom", receive);
  model.on("change:selected", schedule);
  model.on("change:trouble", drawTrouble);
  drawTrouble();
  draw();
  const leave = watchSight(root, (value) => model.send({ kind: "sight", value }));
  const showSavedPage = hideSavedPage(model.get("saved_key") || "none");
  const timer = setInterval(schedule, 30000);
  model.send({ kind: "sight", value: true });
  model.send({ kind: "hello", id: hello });
  return () => {
    clearInterval(timer);
    leave();
    model.off("msg:custom", receive);
    model.off("change:selected", schedule);
    model.off("change:trouble", drawTrouble);
    showSavedPage();
  };
}

export default { render };
