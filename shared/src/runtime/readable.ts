/** Formats log lines for a terminal. */
import pretty from 'pino-pretty';

const SERVICE_COLORS = {
  lyftr: 'bold',
  redis: 'red',
  writer: 'magenta',
  query: 'blue',
  ingest: 'cyan',
} as const;
const SERVICE_WIDTH = 6;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * Replaces the stack of a warning by its hint or message. The stack adds little, and while Redis is away the warning
 * repeats every second.
 */
function withoutStack(record: Record<string, unknown>): Record<string, unknown> {
  const { err, ...rest } = record;
  const isCrash = rest['level'] === 'error' || rest['level'] === 'fatal';
  if (isCrash || typeof err !== 'object' || err === null || !('message' in err)) return record;
  return { ...rest, cause: 'hint' in err ? err.hint : err.message };
}

/** Formats an event as one line: time, level, service, message, fields. Only a crash takes more lines. */
export function createFormatter(color: boolean): (record: Record<string, unknown>) => string {
  const format = pretty.prettyFactory({
    colorize: color,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,service,hostname,instance',
    customPrettifiers: {
      time: textOf,
      level: (_level, _key, _log, { labelColorized }) => labelColorized,
    },
    messageFormat: (log, messageKey, _label, { colors }) => {
      const service = textOf(log['service']);
      const paint = Object.hasOwn(SERVICE_COLORS, service)
        ? colors[SERVICE_COLORS[service as keyof typeof SERVICE_COLORS]]
        : textOf;
      return `${paint(service.padEnd(SERVICE_WIDTH))} ${textOf(log[messageKey])}`;
    },
  });
  return (record) => format(withoutStack(record));
}

/** A destination for a logger of this process. Uses colour when the terminal supports it and `NO_COLOR` is not set. */
export function readableTo(output: { write(text: string): unknown }): { write(line: string): void } {
  const format = createFormatter(pretty.isColorSupported);
  return { write: (line) => void output.write(format(JSON.parse(line) as Record<string, unknown>)) };
}
