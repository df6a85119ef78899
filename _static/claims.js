// Marks the lines of an output that are checked claims, so that they wrap on a phone (custom.css).
document.addEventListener("DOMContentLoaded", () => {
  for (const output of document.querySelectorAll("div.cell_output pre")) {
    if (!output.textContent.includes("✓ ")) continue;
    output.innerHTML = output.innerHTML
      .split(/(?<=\n)/)
      .map((line) => line.replace(/^(<span><\/span>)?✓ (.*)\n?$/, '<span class="claim"><b>✓</b> $2</span>'))
      .join("");
  }
});
