/** Charts with uPlot. A chart uses our colours, fills its container and is redrawn when the theme changes. */
import { timeLabels } from './axis.js';
import { el } from './dom.js';

// uPlot is a separate script, because its minified form is not a module
const { uPlot } = globalThis;

const HEIGHT = 150;
const probe = el('span', { hidden: true });

/** A canvas does not support `light-dark()`, so the browser computes the value of a variable. */
function colour(variable) {
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = `var(${variable})`;
  return getComputedStyle(probe).color;
}

const fill = (rgb) => rgb.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.14)');

function axes(formatValue, size) {
  const [ink, line] = [colour('--muted'), colour('--line')];
  const font = '12px system-ui, sans-serif';
  const grid = { stroke: line, width: 1 };
  return [
    {
      stroke: ink,
      font,
      grid: { show: false },
      ticks: { show: false },
      space: 80,
      size: 24,
      values: (_plot, marks) => timeLabels(marks),
    },
    {
      stroke: ink,
      font,
      grid,
      ticks: { show: false },
      size,
      space: 34,
      values: (_plot, values) => values.map(formatValue),
    },
  ];
}

/**
 * `series` has elements `{label, colour, bars?, filled?}`, where `colour` is a CSS variable. `set` takes `[seconds,
 * …values]`. `onSelect` receives the start and end (seconds) of a dragged range. The value axis reaches at least
 * `least`, and the time axis covers at least `span` seconds.
 */
export function createChart(
  place,
  { series, format, size = 46, height = HEIGHT, least = 1, span, onSelect },
) {
  let data = [[], ...series.map(() => [])];
  let plot;

  function build() {
    plot?.destroy();
    const lines = series.map(({ label, colour: variable, bars, filled }) => {
      const stroke = colour(variable);
      const shape = bars ? { paths: uPlot.paths.bars({ size: [0.9, 40], align: 1 }), fill: stroke } : {};
      return {
        label,
        stroke,
        width: 1.75,
        fill: filled ? fill(stroke) : undefined,
        points: { show: false },
        ...shape,
      };
    });
    plot = new uPlot(
      {
        width: Math.max(200, place.clientWidth),
        height,
        series: [{}, ...lines],
        axes: axes(format, size),
        legend: { show: false },
        cursor: {
          y: false,
          drag: { x: onSelect !== undefined, y: false, setScale: false },
          points: { show: false },
        },
        // an empty chart keeps its scale, and a constant line starts at zero
        scales: {
          x: { range: (_plot, min, max) => [span === undefined ? min : Math.min(min, max - span), max] },
          y: { range: (_plot, _min, max) => [0, Math.max(least, (max ?? 0) * 1.08)] },
        },
        hooks: {
          setSelect: [
            (self) => {
              const { left, width } = self.select;
              if (onSelect === undefined || width < 4) return;
              onSelect(self.posToVal(left, 'x'), self.posToVal(left + width, 'x'));
              self.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
            },
          ],
        },
      },
      data,
      place,
    );
  }

  new ResizeObserver(() => {
    if (place.clientWidth > 0) plot?.setSize({ width: place.clientWidth, height });
  }).observe(place);
  document.addEventListener('themechange', build);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', build);

  return {
    set(values) {
      data = values;
      if (plot === undefined) build();
      else plot.setData(data);
    },
  };
}
