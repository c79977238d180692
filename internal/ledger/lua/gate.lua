-- Gate lets the next calls of a merchant through, one after the other. All its workers share it.
--
-- KEYS[1] when the merchant's next call may be made (µs), and the time between two calls then (µs); KEYS[2] the same, where
-- workers of versions before 2026-11-23 look for interactive orders
-- ARGV[1] µs between two calls; ARGV[2] how many calls; ARGV[3] µs that the first may be ahead
-- Returns µs from now until the first of them, which may be past by one interval. If that is further ahead than it may
-- be, none was let through.
--
-- There is one line for all lanes: each call is an interval behind the one that was let through before it, at whatever rate that
-- was. So in no second there are more than the rate allows, and one, whoever asks in whatever order.
local us = microseconds()
local interval, span = tonumber(ARGV[1]), ARGV[1] * ARGV[2]
local t, was = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) ?(%d*)')
local last = (tonumber(t) or 0) - (tonumber(was) or interval)
local first = math.max(last + interval, us - interval)
if first - us <= tonumber(ARGV[3]) then
  local t = first + span
  for _, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.0f %.0f', t, interval), 'PX', string.format('%.0f', (t - us) / 1000 + 60000))
  end
end
return string.format('%.0f', first - us)
