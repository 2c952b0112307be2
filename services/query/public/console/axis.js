/** Labels of a time axis. */
const DAY = 86_400;

const short = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const minute = new Intl.DateTimeFormat(undefined, short);
const second = new Intl.DateTimeFormat(undefined, { ...short, second: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
const dayOfYear = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', year: 'numeric' });
const year = new Intl.DateTimeFormat(undefined, { year: 'numeric' });

const dateOf = (mark) => new Date(mark * 1_000);

/** The day, with the year when it differs from that of the previous mark. */
function dayLabel(mark, before, now) {
  const known = before === undefined ? now : dateOf(before);
  return (dateOf(mark).getFullYear() === known.getFullYear() ? day : dayOfYear).format(dateOf(mark));
}

/**
 * Returns one label for each of `marks` (epoch seconds): the year when marks are years apart, the day when they are
 * days apart, seconds when they are less than a minute apart.
 */
export function timeLabels(marks, now = new Date()) {
  const step = (marks[1] ?? Infinity) - marks[0];
  return marks.map((mark, i) => {
    const date = dateOf(mark);
    const isMidnight = date.getHours() === 0 && date.getMinutes() === 0;
    if (step >= 365 * DAY && marks.length > 1) return year.format(date);
    // one hour less, because of daylight saving time
    if (step >= DAY - 3_600 || (isMidnight && step >= 3_600)) return dayLabel(mark, marks[i - 1], now);
    return (step < 60 ? second : minute).format(date);
  });
}
