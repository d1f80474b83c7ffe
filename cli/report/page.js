"use strict";
(() => {
  const panel = document.getElementById("path");
  const element = (name, text) => {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  };
  const show = (cell) => {
    panel.replaceChildren();
    const holder = cell.parentElement.querySelector("th").textContent;
    if (!cell.dataset.path) {
      const table = cell.closest("table");
      const column = table.tHead.rows[0].cells[cell.cellIndex].textContent;
      panel.append(element("strong", `${holder} has no way to ${column}`));
    }
    for (const part of cell.dataset.path ? cell.dataset.path.split(";") : []) {
      const [number, privileges] = part.split(":");
      panel.append(element("strong", `${holder}: ${privileges} on ${cell.dataset.object} (path ${number})`));
      const steps = document.createElement("ol");
      const object = cell.dataset.object.slice(cell.dataset.object.indexOf(" ") + 1);
      for (const step of document.querySelectorAll(`#path-${number} li`)) {
        const text = step.textContent
          .replaceAll("{privilege}", privileges)
          .replaceAll("{tenant}", cell.dataset.tenant)
          .replaceAll("{object}", object);
        steps.append(element("li", text));
      }
      panel.append(steps);
    }
    panel.hidden = false;
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  for (const map of document.querySelectorAll("table[role=grid]")) {
    const rows = [...map.tBodies[0].rows].map((row) => [...row.querySelectorAll("td")]);
    // One stop of the tab key in a map; the arrows move within it.
    const first = rows.flat().find((cell) => cell.dataset.path) || (rows[0] && rows[0][0]);
    if (!first) continue;
    first.tabIndex = 0;
    let current = first;
    const go = (cell) => {
      current.tabIndex = -1;
      current = cell;
      cell.tabIndex = 0;
      cell.focus();
    };
    map.addEventListener("focusin", (event) => {
      const cell = event.target.closest("td");
      if (!cell) return;
      current.tabIndex = -1;
      current = cell;
      cell.tabIndex = 0;
      show(cell);
    });
    map.addEventListener("click", (event) => {
      const cell = event.target.closest("td");
      if (cell) go(cell);
    });
    map.addEventListener("keydown", (event) => {
      const row = rows.findIndex((cells) => cells.includes(current));
      const column = rows[row].indexOf(current);
      const to = {
        ArrowUp: [row - 1, column],
        ArrowDown: [row + 1, column],
        ArrowLeft: [row, column - 1],
        ArrowRight: [row, column + 1],
        Home: [row, 0],
        End: [row, rows[row].length - 1],
      }[event.key];
      if (!to) return;
      event.preventDefault();
      const cell = rows[to[0]] && rows[to[0]][to[1]];
      if (cell) go(cell);
    });
  }
  document.addEventListener("focusin", (event) => {
    if (!event.target.closest("table[role=grid], #path")) panel.hidden = true;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") panel.hidden = true;
  });
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
  // A link to something inside a closed part opens it.
  const open = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    const details = target && target.closest("details");
    if (details) {
      details.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", open);
  open();
})();
