-- The requests of load.py: random users out of the file LSK_USERS, LSK_CANDIDATES random candidates out of LSK_ITEMS items each. Prints one JSON line at the end.
local threads = {}

local function lines_of(path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  return lines
end

function setup(thread)
  threads[#threads + 1] = thread
  thread:set("number", #threads)
end

function init(args)
  math.randomseed(number)
  failed = 0
  local users = lines_of(os.getenv("LSK_USERS"))
  local items = tonumber(os.getenv("LSK_ITEMS"))
  local candidates = tonumber(os.getenv("LSK_CANDIDATES"))
  local headers = { ["Content-Type"] = "application/json" }
  bodies = {}
  for i = 1, 512 do
    local chosen = {}
    for c = 1, candidates do chosen[c] = math.random(0, items - 1) end
    local body = string.format('{"user": "%s", "candidates": [%s]}', users[math.random(#users)], table.concat(chosen, ","))
    bodies[i] = wrk.format("POST", "/v1/score", headers, body)
  end
  next_body = 0
end

function request()
  next_body = next_body % #bodies + 1
  return bodies[next_body]
end

function response(status)
  if status ~= 200 then failed = failed + 1 end
end

function done(summary, latency)
  local failures = 0
  for _, thread in ipairs(threads) do failures = failures + thread:get("failed") end
  local errors = summary.errors
  print(string.format('LOAD {"requests": %d, "seconds": %.6f, "failed": %d, "socketErrors": %d, "p50": %.1f, "p90": %.1f, "p99": %.1f, "max": %.1f}',
    summary.requests, summary.duration / 1e6, failures, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max))
end
