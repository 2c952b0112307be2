-- Replays pre-signed requests of one fixed length from a file per thread.
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  local at = number * 2 + 1
  size = tonumber(args[at + 1])
  file = assert(io.open(args[at], "rb"))
  file:setvbuf("full", 1048576)
end

function request()
  local bytes = file:read(size)
  if bytes == nil then
    file:seek("set", 0)
    bytes = file:read(size)
  end
  return bytes
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration, e.status,
    e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
