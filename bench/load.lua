-- What wrk sends: GATEHOUSE_LOAD says what; each request comes from another address, each login is another person's.
local kind, token, cookie = os.getenv("GATEHOUSE_LOAD"), os.getenv("GATEHOUSE_TOKEN"), os.getenv("GATEHOUSE_COOKIE")
local people, number = 300, 0

function setup(thread)
  thread:set("first", math.random(people))
end

function init(args)
  number = first
end

function request()
  number = number + 1
  local headers = { ["X-Forwarded-For"] = string.format("10.0.%d.%d", math.floor(number / 256) % 256, number % 256) }
  if kind == "token" then
    headers["Authorization"] = "Bearer " .. token
    return wrk.format("GET", "/api/v1/me/", headers)
  elseif kind == "page" then
    headers["Cookie"] = "sessionid=" .. cookie
    return wrk.format("GET", "/profile/", headers)
  end
  local csrf = string.rep("c", 32)
  headers["Cookie"] = "csrftoken=" .. csrf
  headers["Content-Type"] = "application/x-www-form-urlencoded"
  local person = string.format("person%03d", number % people)
  return wrk.format("POST", "/login/", headers, "username=" .. person .. "&password=gatehouse-demo-1&csrfmiddlewaretoken=" .. csrf)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('\nJSON {"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "failed": %d}\n', summary.requests,
    summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
