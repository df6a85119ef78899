// Filters the items on a page of the source map by words or ids, and by whether they need a correction.
document.addEventListener("DOMContentLoaded", () => {
  const filter = document.querySelector(".source-filter");
  if (!filter) return;
  const [words, errata] = filter.querySelectorAll("input");
  const items = [...document.querySelectorAll(".source-item")].map((item) => [item, item.textContent.toLowerCase()]);
  const update = () => {
    const wanted = words.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const [item, text] of items) {
      const keep = wanted.every((word) => text.includes(word)) && (!errata.checked || "erratum" in item.dataset);
      item.hidden = !keep;
      shown += keep;
    }
    for (const list of document.querySelectorAll("dl:has(> .source-item)"))
      list.closest("section").hidden = !list.querySelector(".source-item:not([hidden])");
    filter.querySelector("output").textContent = `${shown} of ${items.length} items`;
  };
  filter.addEventListener("input", update);
});
