// Does the service in this container answer? Its port is the only argument. Node asks, because the image has no curl.
const port = process.argv[2];
try {
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(2_000) });
  process.exitCode = answer.ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
