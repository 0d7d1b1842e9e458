-- Sends the requests of a file in turn and counts the replies that are as they should be.
-- Arguments: file, status, text the body holds, 1 where the requests may be sent again.
-- The file: for each request its length as a line, then its bytes.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  requests, at, good, bad = {}, 0, 0, 0
  status, part, again = tonumber(args[2]), args[3], args[4] == '1'
  local file = assert(io.open(args[1], 'rb'))
  while true do
    local length = file:read('*n')
    if not length then break end
    file:read(1)
    requests[#requests + 1] = file:read(length)
  end
  file:close()
end

function request()
  at = at + 1
  if at > #requests then
    if not again then wrk.thread:stop() end
    at = again and 1 or #requests
  end
  return requests[at]
end

function response(got, _, body)
  if got == status and string.find(body, part, 1, true) then
    good = good + 1
  else
    bad = bad + 1
    if bad == 1 then first_bad = got .. ' ' .. string.sub(body, 1, 300) end
  end
end

function done(summary, latency)
  local sum = { good = 0, bad = 0 }
  local shown = ''
  for _, thread in ipairs(threads) do
    sum.good = sum.good + thread:get('good')
    sum.bad = sum.bad + thread:get('bad')
    shown = thread:get('first_bad') or shown
  end
  local broken = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format('RESULT %d %d %d %d %d %d %d\n', summary.duration, sum.good, sum.bad, broken,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
  if shown ~= '' then io.write('BAD ' .. string.gsub(shown, '%s+', ' ') .. '\n') end
end
