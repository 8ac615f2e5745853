"use strict";
// Charts are drawn as they come into view, and all of them before printing.
const charts = JSON.parse(document.getElementById("charts").textContent);
const places = Array.from(document.querySelectorAll(".chart"));
const waiting = new Set(places);
const options = { displaylogo: false, toImageButtonOptions: { format: "png", scale: 3 } };

function draw(place) {
  if (!waiting.delete(place)) return;
  const chart = charts[place.id];
  options.toImageButtonOptions.filename = place.id;
  Plotly.newPlot(place, chart.data, chart.layout, { ...options }).then(() => {
    place.dataset.drawn = "yes";
  });
}

const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) draw(entry.target);
}, { rootMargin: "800px" });
places.forEach((place) => observer.observe(place));
window.addEventListener("beforeprint", () => places.forEach(draw));
