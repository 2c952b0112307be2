/** Runs before the first paint, so that a dark page does not flash white. `auto` follows the system. */
const KEY = 'lyftr-theme';
const ORDER = ['auto', 'light', 'dark'];

function kept() {
  try {
    const theme = localStorage.getItem(KEY);
    return ORDER.includes(theme) ? theme : 'auto';
  } catch {
    return 'auto';
  }
}

function apply(theme) {
  document.documentElement.dataset.theme = theme;
}

apply(kept());

document.addEventListener('DOMContentLoaded', () => {
  const button = document.querySelector('#theme');
  if (button === null) return;
  const show = () => {
    button.textContent = `Theme: ${kept()}`;
  };
  show();
  button.addEventListener('click', () => {
    const theme = ORDER[(ORDER.indexOf(kept()) + 1) % ORDER.length];
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // the theme is used although it cannot be saved
    }
    apply(theme);
    button.textContent = `Theme: ${theme}`;
    document.dispatchEvent(new Event('themechange'));
  });
});
